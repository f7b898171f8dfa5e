"""What checkov demands of the manifests and no other test here, stated so that it holds without checkov."""

from kubernetes.rendering import RENDERED, Objects, render

_OF_THE_IMAGE = {"mongodb": 999}
"""A user that the image is made for, by the name of the container."""
_MAY_BE_CHANGED = {("ingresses/status", "update")}
"""By the ingress controller: it writes down at which address an Ingress is served."""


def test_every_server_has_a_readiness_and_a_liveness_probe(rendered: Objects) -> None:
    for name, pod in rendered.pods():
        for container in pod["spec"]["containers"]:
            if not name.startswith("Job "):
                missing = {"readinessProbe", "livenessProbe"} - container.keys()
                assert missing == set(), name


def test_no_pod_runs_as_a_user_that_the_node_has(rendered: Objects) -> None:
    """A process that escapes from its container has no rights on the node."""
    for name, pod in rendered.pods():
        for container in pod["spec"]["containers"]:
            user = pod["spec"]["securityContext"]["runAsUser"]
            assert user >= 10_000 or _OF_THE_IMAGE.get(container["name"]) == user, name


def test_the_ingress_controller_can_read_what_it_serves_and_change_nothing_else() -> None:
    objects = render(RENDERED["ingress-controller"])
    granted = {
        (resource, verb)
        for role in objects.of("Role", "ClusterRole")
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert {each for each in granted if each[1] not in {"get", "list", "watch"}} == _MAY_BE_CHANGED
    assert "secrets" not in {
        resource for role in objects.of("ClusterRole") for rule in role["rules"] for resource in rule["resources"]
    }, "it would read the secrets of every namespace"


def test_everything_is_in_a_namespace_of_its_own(overlay: Objects) -> None:
    (namespace,) = overlay.of("Namespace")
    for each in overlay.all:
        if each is not namespace:
            assert each["metadata"]["namespace"] == namespace["metadata"]["name"], each["metadata"]["name"]
