"""What kustomize makes of infra/k8s, as plain objects."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[2]
MANIFESTS = REPOSITORY / "infra" / "k8s"
RENDERED = {
    "kind": MANIFESTS / "overlays" / "kind",
    "production": MANIFESTS / "overlays" / "production",
    "ingress-controller": MANIFESTS / "ingress-controller",
}

Object = dict[str, Any]
Labels = dict[str, str]


@dataclass(frozen=True)
class Objects:
    """Of one overlay."""

    all: tuple[Object, ...]

    def of(self, *kinds: str) -> list[Object]:
        return [each for each in self.all if each["kind"] in kinds]

    def one(self, kind: str, name: str) -> Object:
        found = [each for each in self.of(kind) if each["metadata"]["name"] == name]
        assert len(found) == 1, f"{len(found)} of {kind} {name}"
        return found[0]

    def pods(self) -> Iterator[tuple[str, Object]]:
        """The name of each workload, and the template of its pods."""
        for each in self.of("Deployment", "StatefulSet", "Job", "DaemonSet", "CronJob"):
            assert each["kind"] != "CronJob", "its pods lie deeper: teach this to find them"
            yield f"{each['kind']} {each['metadata']['name']}", each["spec"]["template"]


@cache
def render(folder: Path) -> Objects:
    return Objects(tuple(yaml.safe_load_all(render_text(folder))))


def namespace() -> Object:
    """The platform's namespace, which `make secrets` and `make cluster` apply before anything else."""
    return dict(yaml.safe_load((MANIFESTS / "base" / "namespace.yaml").read_text()))


@cache
def render_text(folder: Path) -> str:
    rendered = subprocess.run(  # noqa: S603 - our own files
        [_kubectl(), "kustomize", str(folder)], check=False, capture_output=True, text=True, timeout=60
    )
    assert rendered.returncode == 0, rendered.stderr
    return rendered.stdout


def labels_of(pod: Object) -> Labels:
    return dict(pod["metadata"]["labels"])


def container_of(pod: Object) -> Object:
    (container,) = pod["spec"]["containers"]
    return dict(container)


def environment_of(pod: Object) -> dict[str, Object]:
    return {each["name"]: each for each in container_of(pod).get("env", ())}


def ports_of(containers: Iterable[Object]) -> dict[str, int]:
    return {port["name"]: port["containerPort"] for each in containers for port in each.get("ports", ())}


def _kubectl() -> str:
    kubectl = os.environ.get("KUBECTL") or shutil.which("kubectl")
    assert kubectl, "kubectl is missing: run `make k8s-check`, which brings it along on Linux, or put it on the PATH"
    return kubectl
