"""Which programs infra/k8s/commands.mk calls, in which order, and what it prints."""

import json
from pathlib import Path

import pytest
from kubernetes.fake_programs import FakePrograms
from kubernetes.rendering import RENDERED, render_text

from marketplace.registry import SERVICE_NAMES

IMAGES = {f"docker.io/ticket-marketplace/{name}:latest" for name in (*SERVICE_NAMES, "marketplace")}
_ONE_OF_THEM = f"SERVICE is one of: {' '.join(sorted(SERVICE_NAMES))}."
PRODUCTION = {"OVERLAY": "production", "REGISTRY": "registry.test/shop/", "CONTEXT": "far-away"}


@pytest.fixture
def programs(tmp_path: Path) -> FakePrograms:
    programs = FakePrograms(tmp_path)
    for overlay in ("kind", "production"):
        programs.answer(f"kubectl kustomize infra/k8s/overlays/{overlay}", render_text(RENDERED[overlay]))
    programs.answer("kubectl get statefulsets", "statefulset.apps/nats\n")
    return programs


def test_cluster_is_created_once_and_gets_the_ingress_controller_each_time(programs: FakePrograms) -> None:
    create = "kind create cluster --name ticket-marketplace --config infra/k8s/kind-cluster.yaml --wait 180s"
    steps = [
        "kubectl apply --filename infra/k8s/base/namespace.yaml",
        "kubectl apply --kustomize infra/k8s/ingress-controller",
        "kubectl --namespace ingress-controller rollout status deployment/traefik --timeout 180s",
    ]
    assert programs.make("cluster").returncode == 0
    assert programs.commands("kind create", "kubectl") == [create, *steps]
    programs.answer("kind get clusters", "another\nticket-marketplace\n")
    assert programs.make("cluster").returncode == 0
    calls = [call for call in programs.calls() if call.text.startswith(("kind create", "kubectl"))]
    assert [call.text for call in calls] == steps
    assert calls[1].namespace is None, "kubectl refuses objects of another namespace than the one of the option"


@pytest.mark.parametrize("variables", [{"OVERLAY": "production"}, {"CONTEXT": "far-away"}], ids=str)
def test_cluster_refuses_any_other_cluster(programs: FakePrograms, variables: dict[str, str]) -> None:
    assert "leave out OVERLAY and CONTEXT" in programs.make("cluster", **variables).stderr
    assert programs.calls() == []


def test_images_are_built_for_each_service_and_for_provisioning(programs: FakePrograms) -> None:
    assert programs.make("images").returncode == 0
    calls = programs.calls()
    assert {call.text for call in calls} == {
        f"docker build --build-arg SERVICE={name} --tag docker.io/ticket-marketplace/{name}:latest ."
        for name in (*SERVICE_NAMES, "marketplace")
    }
    assert all(call.environment["DOCKER_BUILDKIT"] == "1" for call in calls)


def test_deploy_creates_secrets_loads_images_provisions_and_waits_in_this_order(programs: FakePrograms) -> None:
    programs.answer("kubectl get deployments", "deployment.apps/orders\n")
    done = programs.make("deploy")
    assert (done.returncode, done.stderr) == (0, "")
    calls = programs.calls()
    steps = [
        "kubectl apply --filename infra/k8s/base/namespace.yaml",
        "kubectl create --filename -",
        "docker save --output",
        "kind load image-archive",
        "kubectl delete job provisioning --ignore-not-found",
        "kubectl apply --filename -",
        "kubectl rollout status statefulset.apps/nats --timeout 300s",
        "kubectl wait --for condition=complete job/provisioning --timeout 300s",
        "kubectl rollout restart deployment.apps/orders",
        "kubectl rollout status deployment.apps/orders --timeout 300s",
    ]
    assert [step for call in calls for step in steps if call.text.startswith(step)] == steps
    assert {call.context for call in calls if call.text.startswith("kubectl") and "kustomize" not in call.text} == {
        "kind-ticket-marketplace"
    }
    assert "Ready at http://localhost:8080" in done.stdout


def test_the_first_deployment_loads_one_archive_deletes_it_and_restarts_nothing(programs: FakePrograms) -> None:
    programs.make("deploy")
    calls = [call.text for call in programs.calls()]
    save, load = (call.split() for call in calls if call.startswith(("docker save", "kind load")))
    assert set(save[4:]) == IMAGES
    assert load[3] == save[3]
    assert not Path(save[3]).parent.exists()
    assert not [call for call in calls if call.startswith("kubectl rollout restart")]


def test_podman_saves_one_archive_and_kind_uses_podman(programs: FakePrograms) -> None:
    assert programs.make("restart", SERVICE="orders", DOCKER="podman").returncode == 0
    build, save, load = [call for call in programs.calls() if not call.text.startswith("kubectl")]
    assert build.text.startswith("podman build")
    assert save.text.startswith("podman save --multi-image-archive --output")
    assert load.environment["KIND_EXPERIMENTAL_PROVIDER"] == "podman"


@pytest.mark.parametrize("empty", ["CONTEXT", "OVERLAY", "DOCKER"])
def test_the_kind_overlay_goes_to_the_kind_cluster_also_with_empty_variables(
    programs: FakePrograms, empty: str
) -> None:
    assert programs.make("undeploy", **{empty: ""}).returncode == 0
    assert {call.context for call in programs.calls()} == {"kind-ticket-marketplace"}


def test_another_overlay_uses_images_of_the_registry(programs: FakePrograms) -> None:
    secrets = [{"kind": "Secret", "metadata": {"name": f"{name}-mongodb"}} for name in SERVICE_NAMES]
    programs.answer("kubectl get secrets,configmaps", json.dumps({"items": secrets}))
    assert programs.make("deploy", **PRODUCTION).returncode == 0
    calls = programs.calls()
    assert not any(call.text.startswith("kind") for call in calls)
    assert {call.context for call in calls if call.text.startswith("kubectl get")} == {"far-away"}
    images = {name.replace("docker.io", "registry.test/shop") for name in IMAGES}
    assert {call.text.split()[-1] for call in calls if call.text.startswith("docker push")} == images
    (applied,) = [call.given for call in calls if call.text == "kubectl apply --filename -"]
    assert {line.split()[-1] for line in applied.splitlines() if "ticket-marketplace/" in line} == images


def test_nothing_is_deployed_while_secrets_of_external_databases_are_missing(programs: FakePrograms) -> None:
    done = programs.make("deploy", **PRODUCTION)
    assert done.returncode != 0
    assert ", ".join(f"{name}-mongodb" for name in SERVICE_NAMES) in done.stderr
    assert programs.commands("docker", "kubectl apply --filename -") == []


@pytest.mark.parametrize(
    ("target", "variables", "line"),
    [
        ("deploy", {"OVERLAY": "production"}, "The overlay production needs a registry for the images: REGISTRY="),
        ("deploy", {"OVERLAY": "oops"}, "There is no overlay oops. OVERLAY is one of: kind production."),
        ("undeploy", {"OVERLAY": "oops"}, "There is no overlay oops. OVERLAY is one of: kind production."),
        ("restart", {}, f"{_ONE_OF_THEM} Example: make restart SERVICE="),
        ("restart", {"SERVICE": "order"}, _ONE_OF_THEM),
        ("restart", {"SERVICE": "marketplace"}, _ONE_OF_THEM),
    ],
    ids=str,
)
def test_a_wrong_variable_is_explained_before_anything_is_called(
    programs: FakePrograms, target: str, variables: dict[str, str], line: str
) -> None:
    programs.remove("kind")  # is missed only afterwards
    done = programs.make(target, **variables)
    assert done.returncode != 0
    assert done.stderr.startswith(line)
    assert programs.calls() == []


def test_restart_builds_loads_and_replaces_one_service(programs: FakePrograms) -> None:
    assert programs.make("restart", SERVICE="orders").returncode == 0
    build, save, load, *rollout = programs.commands("docker", "kind", "kubectl rollout")
    assert "SERVICE=orders" in build
    assert save.split()[4:] == ["docker.io/ticket-marketplace/orders:latest"]
    assert load.startswith("kind load image-archive")
    assert rollout == [
        "kubectl rollout restart deployment/orders",
        "kubectl rollout status deployment/orders --timeout 300s",
    ]


def test_undeploy_deletes_what_the_overlay_has_and_says_what_it_keeps(programs: FakePrograms) -> None:
    done = programs.make("undeploy")
    assert programs.commands("kubectl delete") == [
        "kubectl delete --ignore-not-found --kustomize infra/k8s/overlays/kind"
    ]
    assert "kubectl delete namespace ticket-marketplace" in done.stdout


@pytest.mark.parametrize(
    ("target", "program"),
    [
        ("cluster", "kind"),
        ("cluster", "kubectl"),
        ("images", "docker"),
        ("secrets", "kubectl"),
        ("deploy", "docker"),
        ("deploy", "kind"),
        ("deploy", "kubectl"),
        ("restart", "kind"),
        ("undeploy", "kubectl"),
    ],
)
def test_a_missing_program_is_named_before_anything_is_called(
    programs: FakePrograms, target: str, program: str
) -> None:
    programs.remove(program)
    done = programs.make(target, SERVICE="orders")
    assert done.returncode != 0
    assert done.stderr.startswith(f"{program} is missing: install it")
    assert programs.calls() == []


@pytest.mark.parametrize("target", ["secrets", "deploy", "restart", "undeploy"])
def test_a_missing_cluster_is_explained_before_anything_changes(programs: FakePrograms, target: str) -> None:
    programs.fail("kubectl get --raw")
    done = programs.make(target, SERVICE="orders")
    assert "No cluster answers in kubectl's context kind-ticket-marketplace. 'make cluster' creates one" in done.stderr
    assert programs.commands("") == ["kubectl get --raw /version --request-timeout 10s"]


@pytest.mark.parametrize(
    ("target", "failing"),
    [
        ("cluster", "kind create cluster"),
        ("images", "docker build"),
        ("secrets", "kubectl get secrets"),
        ("deploy", "kubectl create"),
        ("deploy", "docker save"),
        ("deploy", "kind load"),
        ("deploy", "kubectl get deployments"),
        ("deploy", "kubectl apply --filename -"),
        ("deploy", "kubectl rollout status"),
        ("deploy", "kubectl wait"),
        ("restart", "kubectl rollout restart"),
    ],
)
def test_a_program_that_fails_ends_the_command_there(programs: FakePrograms, target: str, failing: str) -> None:
    programs.fail(failing)
    done = programs.make(target, SERVICE="orders")
    assert done.returncode != 0
    assert "it does not work" in done.stderr
    assert "Traceback" not in done.stderr
    assert programs.calls()[-1].text.startswith(failing)


def test_a_rollout_that_does_not_end_says_where_to_look(programs: FakePrograms) -> None:
    programs.fail("kubectl rollout status")
    error = programs.make("restart", SERVICE="orders").stderr
    assert "deployment/orders is not ready: see 'kubectl --context kind-ticket-marketplace" in error
