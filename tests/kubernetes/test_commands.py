"""What the Makefile's commands for Kubernetes tell docker, kind and kubectl, in which order, and what they say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_programs import REPOSITORY, FakePrograms

from marketplace.registry import SERVICE_NAMES

EVERYTHING = (*SERVICE_NAMES, "marketplace")


@pytest.fixture
def programs(tmp_path: Path) -> FakePrograms:
    return FakePrograms(tmp_path)


def commands(programs: FakePrograms, *beginnings: str) -> list[str]:
    """What was called since the last time, in order, as far as it begins with one of these."""
    return [str(call) for call in programs.calls() if str(call).startswith(beginnings)]


def test_cluster_is_made_once_and_gets_an_ingress_controller_each_time(programs: FakePrograms) -> None:
    assert programs.make("cluster").returncode == 0
    create = "kind create cluster --name ticket-marketplace --config infra/k8s/kind-cluster.yaml --wait 180s"
    apply = "kubectl apply -k infra/k8s/ingress-controller"
    ready = "kubectl rollout status deployment/traefik --namespace ingress-controller --timeout 180s"
    namespace = "kubectl apply --filename infra/k8s/base/namespace.yaml"
    assert commands(programs, "kind create", "kubectl apply", "kubectl rollout") == [create, namespace, apply, ready]
    assert "is there already" in programs.make("cluster").stdout
    assert commands(programs, "kind create", "kubectl apply", "kubectl rollout") == [apply, ready]


def test_images_are_built_for_the_five_services_and_for_provisioning(programs: FakePrograms) -> None:
    assert programs.make("images").returncode == 0
    assert commands(programs, "docker") == [
        f"docker build --build-arg SERVICE={name} --tag docker.io/ticket-marketplace/{name}:latest ."
        for name in EVERYTHING
    ]


def test_podman_builds_them_as_well_and_kind_is_told(programs: FakePrograms) -> None:
    assert programs.make("images", DOCKER="podman").returncode == 0
    called = commands(programs, "docker", "podman build")
    assert len(called) == 6
    assert all(each.startswith("podman") for each in called)


def test_deploy_makes_secrets_loads_images_provisions_and_waits_in_this_order(programs: FakePrograms) -> None:
    done = programs.make("deploy")
    assert (done.returncode, done.stderr) == (0, "")
    called = commands(programs, "kind load", "kubectl")
    loads = [each for each in called if each.startswith("kind load image-archive")]
    assert [Path(each.split()[3]).stem for each in loads] == list(EVERYTHING)
    steps = [
        "kubectl apply --filename infra/k8s/base/namespace.yaml",
        "kubectl create --filename -",
        loads[0],
        "kubectl delete --ignore-not-found --filename -",
        "kubectl apply --filename -",
        "kubectl rollout status statefulset.apps/nats --timeout 300s",
        "kubectl wait --for condition=complete job.batch/provisioning --timeout 300s",
        "kubectl rollout status deployment.apps/orders --timeout 300s",
    ]
    assert [each for each in called if each in steps] == steps
    assert "Marketplace ready at http://localhost:8080" in done.stdout


def test_deploy_goes_to_our_kind_cluster_whatever_cluster_the_user_looks_at(programs: FakePrograms) -> None:
    programs.make("deploy")
    assert {call.context for call in programs.calls() if call.command.startswith("kubectl")} == {
        "kind-ticket-marketplace"
    }


def test_deploying_again_runs_the_job_anew_and_gives_what_ran_already_the_new_images(programs: FakePrograms) -> None:
    programs.make("deploy")
    assert commands(programs, "kubectl rollout restart") == []
    assert programs.make("deploy").returncode == 0
    calls = programs.calls()
    (deleted,) = [call.given for call in calls if call.command.startswith("kubectl delete")]
    assert "kind: Job" in deleted
    assert "Deployment" not in deleted
    assert "kubectl rollout restart deployment.apps/orders" in [call.command for call in calls]


def test_another_overlay_is_pushed_to_a_registry_and_pulled_from_there(programs: FakePrograms) -> None:
    programs.put("orders-mongodb", url="mongodb://orders@orders.mongodb.example.com")
    done = programs.make("deploy", OVERLAY="production", REGISTRY="registry.test/shop/", CONTEXT="far-away")
    assert done.returncode == 0
    calls = programs.calls()
    assert "docker push registry.test/shop/ticket-marketplace/orders:latest" in [call.command for call in calls]
    assert not any(call.command.startswith("kind") for call in calls)
    assert {call.context for call in calls if call.command.startswith("kubectl")} == {"far-away"}
    (applied,) = [call.given for call in calls if call.command == "kubectl apply --filename -"]
    assert "image: registry.test/shop/ticket-marketplace/marketplace:latest\n" in applied
    assert "image: registry.test/shop/ticket-marketplace/orders:latest\n" in applied


def test_an_overlay_without_a_registry_changes_nothing_and_asks_for_one(programs: FakePrograms) -> None:
    done = programs.make("deploy", OVERLAY="production")
    assert done.returncode == 1
    assert done.stderr == "REGISTRY: say where the images of the overlay production go: REGISTRY=host/path.\n"
    assert programs.calls() == []


def test_an_overlay_that_does_not_exist_is_one_line(programs: FakePrograms) -> None:
    done = programs.make("undeploy", OVERLAY="nonsense")
    assert done.returncode == 1
    assert done.stderr == (
        "OVERLAY: there is no overlay nonsense in infra/k8s/overlays. It is one of kind, production.\n"
    )
    assert programs.calls() == []


def test_nothing_is_deployed_before_a_person_has_said_where_a_database_outside_is(programs: FakePrograms) -> None:
    done = programs.make("deploy", OVERLAY="production", REGISTRY="registry.test")
    assert done.returncode == 1
    assert "orders-mongodb" in done.stderr
    assert "tickets-mongodb" in done.stdout, "that one is inside, and has its secret now"
    assert not commands(programs, "docker push", "kubectl apply --filename -")


def test_restart_builds_loads_and_rolls_out_one_service(programs: FakePrograms) -> None:
    assert programs.make("restart", SERVICE="orders").returncode == 0
    build, save, load, roll, wait = commands(programs, "docker", "kind", "kubectl rollout")
    assert "SERVICE=orders" in build
    assert save.endswith("docker.io/ticket-marketplace/orders:latest")
    assert load.startswith("kind load image-archive")
    assert roll == "kubectl rollout restart deployment.apps/orders"
    assert wait == "kubectl rollout status deployment.apps/orders --timeout 300s"


@pytest.mark.parametrize("service", ["", "order", "marketplace"])
def test_restart_of_nothing_that_runs_is_one_line_with_the_services(programs: FakePrograms, service: str) -> None:
    done = programs.make("restart", SERVICE=service)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "auth, tickets, orders, expiration, payments" in done.stderr
    assert programs.calls() == []


def test_undeploy_keeps_volumes_and_secrets_and_says_so(programs: FakePrograms) -> None:
    programs.make("deploy")
    secrets = programs.contents()
    programs.calls()
    done = programs.make("undeploy")
    assert done.returncode == 0
    (deleted,) = [call.given for call in programs.calls() if call.command.startswith("kubectl delete")]
    assert "kind: Deployment" in deleted
    assert "kind: StatefulSet" in deleted
    assert "Namespace" not in deleted
    assert "PersistentVolumeClaim" not in deleted
    assert programs.contents() == secrets
    assert "Kept" in done.stdout
    assert "kubectl delete namespace ticket-marketplace" in done.stdout
    assert programs.make("undeploy").returncode == 0


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("cluster", "kind"),
        ("cluster", "kubectl"),
        ("images", "docker"),
        ("secrets", "kubectl"),
        ("deploy", "docker"),
        ("deploy", "kind"),
        ("deploy", "kubectl"),
        ("undeploy", "kubectl"),
    ],
)
def test_a_missing_program_is_one_line_that_says_what_to_do(programs: FakePrograms, command: str, program: str) -> None:
    programs.remove(program)
    done = programs.make(command)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"`{program}` is missing: install ")
    assert programs.calls() == []


@pytest.mark.parametrize("command", ["secrets", "deploy", "undeploy"])
def test_a_missing_cluster_is_said_with_what_makes_one(programs: FakePrograms, command: str) -> None:
    programs.fail("kubectl get --raw")
    done = programs.make(command)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "No cluster answers at kubectl's context kind-ticket-marketplace. `make cluster` makes one."
    )
    assert [str(call) for call in programs.calls() if "get --raw" not in str(call)] == []


@pytest.mark.parametrize(
    ("command", "failing"),
    [
        ("cluster", "kind create cluster"),
        ("images", "docker build"),
        ("deploy", "kubectl create"),
        ("deploy", "docker save"),
        ("deploy", "kind load"),
        ("deploy", "kubectl apply --filename -"),
        ("deploy", "kubectl rollout status"),
    ],
)
def test_a_program_that_fails_ends_the_command_there_and_is_named(
    programs: FakePrograms, command: str, failing: str
) -> None:
    programs.fail(failing)
    done = programs.make(command)
    assert done.returncode == 1
    assert "it does not work" in done.stderr  # its own words first
    assert "Traceback" not in done.stderr
    assert programs.calls()[-1].command.startswith(failing)
    assert failing.split(maxsplit=1)[0] in done.stderr.splitlines()[-1]


def test_a_rollout_that_does_not_end_says_where_to_look(programs: FakePrograms) -> None:
    programs.fail("kubectl rollout status deployment.apps/orders")
    last = programs.make("restart", SERVICE="orders").stderr.splitlines()[-1]
    assert last.startswith("deployment.apps/orders did not get ready: see `kubectl --namespace ticket-marketplace desc")


def test_make_hands_the_variables_on(programs: FakePrograms) -> None:
    path = f"{programs.folder / 'bin'}:{os.environ['PATH']}"
    subprocess.run(  # noqa: S603 - our own Makefile
        [  # noqa: S607 - as a person calls it
            "make",
            "--assume-old=install",
            f"BIN={Path(sys.executable).parent}",
            "restart",
            "SERVICE=tickets",
            "DOCKER=podman",
        ],
        cwd=REPOSITORY,
        env=os.environ | programs.environment(PATH=path),
        check=True,
        capture_output=True,
    )
    assert commands(programs, "podman build", "kubectl rollout restart") == [
        "podman build --build-arg SERVICE=tickets --tag docker.io/ticket-marketplace/tickets:latest .",
        "kubectl rollout restart deployment.apps/tickets",
    ]
