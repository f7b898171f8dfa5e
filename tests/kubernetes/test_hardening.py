"""Every pod is "restricted" in the words of the Pod Security Standards, bounded, and holds no more than it needs."""

from itertools import chain

import pytest
from kubernetes.rendering import MANIFESTS, RENDERED, Object, Objects, container_of, render

_WRITABLE = {"emptyDir", "persistentVolumeClaim"}
_VOLUMES = _WRITABLE | {"configMap", "secret", "projected", "downwardAPI", "ephemeral", "csi"}


def test_the_api_server_enforces_it_in_each_namespace_that_we_make(rendered: Objects) -> None:
    (namespace,) = rendered.of("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    namespaces = {each["metadata"].get("namespace") for _, each in _workloads(rendered)}
    assert namespaces == {namespace["metadata"]["name"]}


def test_no_pod_runs_as_root_or_can_become_more_than_it_is(rendered: Objects) -> None:
    for name, pod in rendered.pods():
        of_pod = pod["spec"]["securityContext"]
        assert of_pod["runAsNonRoot"] is True, name
        assert of_pod["runAsUser"] > 0, name
        assert of_pod["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not pod["spec"].keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"}, name
        for container in pod["spec"]["containers"]:
            context = container["securityContext"]
            assert context == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert not any("hostPort" in port for port in container.get("ports", ())), name
        for volume in pod["spec"].get("volumes", ()):
            assert len(volume.keys() & _VOLUMES) == 1, f"{name}: {volume}"


def test_every_container_asks_for_what_it_needs_and_cannot_take_everything(rendered: Objects) -> None:
    for name, pod in rendered.pods():
        resources = container_of(pod)["resources"]
        assert resources["requests"].keys() == resources["limits"].keys() == {"cpu", "memory"}, name


def test_only_the_ingress_controller_talks_to_kubernetes(rendered: Objects) -> None:
    with_token = [name for name, pod in rendered.pods() if pod["spec"]["automountServiceAccountToken"]]
    assert with_token in ([], ["Deployment traefik"])


def test_no_service_name_becomes_a_setting(rendered: Objects) -> None:
    for name, pod in rendered.pods():
        assert pod["spec"]["enableServiceLinks"] is False, name


def test_a_scratch_volume_is_bounded(rendered: Objects) -> None:
    for name, pod in rendered.pods():
        for volume in pod["spec"].get("volumes", ()):
            assert "emptyDir" not in volume or "sizeLimit" in volume["emptyDir"], name


@pytest.mark.parametrize("file", sorted(MANIFESTS.rglob("*.yaml")), ids=lambda file: str(file.relative_to(MANIFESTS)))
def test_no_secret_is_in_the_repository(file: object) -> None:
    assert "kind: Secret\n" not in file.read_text()  # type: ignore[attr-defined]


def test_what_is_kept_outlives_its_pods(overlay: Objects) -> None:
    for each in overlay.of("StatefulSet"):
        assert each["spec"]["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}


@pytest.mark.parametrize("overlay_name", ["kind", "production"])
def test_undeploy_can_delete_no_data(overlay_name: str) -> None:
    """`make undeploy` deletes every object of the overlay; with a namespace go its volumes and secrets."""
    kinds = {each["kind"] for each in render(RENDERED[overlay_name]).all}
    assert not kinds & {"Namespace", "PersistentVolumeClaim", "PersistentVolume", "Secret"}


def test_each_kind_of_service_is_there_where_it_fits() -> None:
    kinds = {name: _service_types(render(folder)) for name, folder in RENDERED.items()}
    assert kinds["kind"] == {"ClusterIP", "NodePort"}
    assert kinds["production"] == {"ClusterIP", "ExternalName"}
    assert kinds["ingress-controller"] == {"LoadBalancer"}


def _service_types(objects: Objects) -> set[str]:
    return {each["spec"].get("type", "ClusterIP") for each in objects.of("Service")}


def _workloads(objects: Objects) -> list[tuple[str, Object]]:
    return [(each["kind"], each) for each in chain(objects.of("Deployment", "StatefulSet", "Job"))]
