"""What one object says of another is so: names, keys, ports, targets. Kubernetes takes such mistakes without a word."""

from typing import Any

import pytest
import yaml
from kubernetes.rendering import (
    MANIFESTS,
    RENDERED,
    Object,
    Objects,
    container_of,
    environment_of,
    labels_of,
    namespace,
    render,
)
from typer.main import get_command

from marketplace.cli import app
from marketplace.registry import SERVICE_NAMES
from tools.credentials import missing_credentials

_WRITTEN = {"nats": {"/data"}, "mongodb": {"/data/db", "/data/configdb", "/tmp"}}  # noqa: S108 - a volume of the pod
_WATCHED = {"services", "secrets", "endpointslices", "ingresses", "ingressclasses", "nodes"}


def test_every_key_of_a_secret_that_a_pod_takes_is_one_that_make_secrets_makes(overlay: Objects) -> None:
    made = missing_credentials({}, {"STRIPE_KEY": "sk_test_1", "STRIPE_PUBLISHABLE_KEY": "pk_test_1"})
    for name, pod in overlay.pods():
        for each in environment_of(pod).values():
            source = each.get("valueFrom", {})
            if reference := source.get("secretKeyRef") or source.get("configMapKeyRef"):
                assert reference["key"] in made[reference["name"]], f"{name}: {reference}"
        for each in container_of(pod).get("envFrom", ()):
            assert each["secretRef"]["name"] in made, name


def test_every_pod_of_a_statefulset_has_a_name_of_its_own(overlay: Objects) -> None:
    for each in overlay.of("StatefulSet"):
        service = overlay.one("Service", each["spec"]["serviceName"])
        assert service["spec"]["clusterIP"] == "None"
        assert service["spec"]["selector"].items() <= labels_of(each["spec"]["template"]).items()
    assert overlay.one("Service", "nats-nodes")["spec"]["publishNotReadyAddresses"] is True


def test_the_routes_of_the_nats_servers_lead_to_each_of_them(overlay: Objects) -> None:
    nats = overlay.one("StatefulSet", "nats")["spec"]
    routes = {
        each["value"].partition("@")[2]
        for name, each in environment_of(nats["template"]).items()
        if name.startswith("NATS_ROUTE_")
    }
    several = nats["replicas"] if nats["replicas"] > 1 else 0
    assert routes == {f"nats-{number}.{nats['serviceName']}:6222" for number in range(several)}
    provisioning = environment_of(overlay.one("Job", "provisioning")["spec"]["template"])
    assert int(provisioning.get("STREAM_REPLICAS", {"value": 0})["value"]) == several, "it must wait for all of them"


def test_what_a_statefulset_writes_is_on_a_volume_that_its_user_may_write(overlay: Objects) -> None:
    for each in overlay.of("StatefulSet"):
        pod = each["spec"]["template"]
        context, container = pod["spec"]["securityContext"], container_of(pod)
        assert context["fsGroup"] == context["runAsGroup"], each["metadata"]["name"]
        writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
        assert writable == _WRITTEN[container["name"]]


def test_every_autoscaler_and_disruption_budget_has_something_to_look_after(overlay: Objects) -> None:
    for each in overlay.of("HorizontalPodAutoscaler"):
        target = each["spec"]["scaleTargetRef"]
        assert overlay.one(target["kind"], target["name"])
    for each in overlay.of("PodDisruptionBudget"):
        wanted = each["spec"]["selector"]["matchLabels"].items()
        assert any(wanted <= labels_of(pod).items() for _, pod in overlay.pods()), each["metadata"]["name"]


def test_no_variable_is_said_twice(overlay: Objects) -> None:
    for name, pod in overlay.pods():
        names = [each["name"] for each in container_of(pod).get("env", ())]
        assert len(names) == len(set(names)), name


def test_the_job_runs_a_command_that_there_is(overlay: Objects) -> None:
    (command,) = container_of(overlay.one("Job", "provisioning")["spec"]["template"])["args"]
    known: Any = get_command(app)
    assert command in known.commands
    options = {option.envvar for option in known.commands[command].params}
    assert options >= environment_of(overlay.one("Job", "provisioning")["spec"]["template"]).keys()


def test_this_machines_ports_lead_to_the_node_ports() -> None:
    (node,) = yaml.safe_load((MANIFESTS / "kind-cluster.yaml").read_text())["nodes"]
    mapped = {each["containerPort"]: each["hostPort"] for each in node["extraPortMappings"]}
    door = render(RENDERED["ingress-controller"]).one("Service", "traefik")
    kind = render(RENDERED["kind"])
    node_ports = [_node_port(kind.one("Service", f"{service}-node-port")) for service in SERVICE_NAMES]
    assert mapped == {_node_port(door): 8080, **{port: 8081 + at for at, port in enumerate(node_ports)}}


def test_the_ingress_controller_watches_the_namespace_and_may_read_what_it_needs() -> None:
    objects = render(RENDERED["ingress-controller"])
    arguments = container_of(objects.one("Deployment", "traefik")["spec"]["template"])["args"]
    name = namespace()["metadata"]["name"]
    assert f"--providers.kubernetesingress.namespaces={name}" in arguments
    assert objects.one("Role", "traefik")["metadata"]["namespace"] == name
    rules = [rule for each in objects.of("Role", "ClusterRole") for rule in each["rules"]]
    watched = {resource for rule in rules if {"list", "watch"} <= set(rule["verbs"]) for resource in rule["resources"]}
    assert watched == _WATCHED


@pytest.mark.parametrize("kind", ["Role", "ClusterRole"])
def test_each_role_is_bound_to_the_controllers_account(kind: str) -> None:
    objects = render(RENDERED["ingress-controller"])
    binding = objects.one(f"{kind}Binding", "traefik")
    assert binding["roleRef"]["name"] == objects.one(kind, "traefik")["metadata"]["name"]
    (subject,) = binding["subjects"]
    account = objects.one("ServiceAccount", "traefik")["metadata"]
    assert (subject["name"], subject["namespace"]) == (account["name"], account["namespace"])


def _node_port(service: Object) -> int:
    (port,) = service["spec"]["ports"]
    return int(port["nodePort"])
