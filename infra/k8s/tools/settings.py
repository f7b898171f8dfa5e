"""What a person can choose: `make deploy OVERLAY=production REGISTRY=…`."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from marketplace.registry import SERVICE_NAMES
from tools.program import Program, Stopped

K8S = Path("infra/k8s")
NAMESPACE = "ticket-marketplace"
CLUSTER = "ticket-marketplace"
"""The kind cluster's name."""
IMAGES = (*SERVICE_NAMES, "marketplace")
"""A service each, and the package that provisions."""


@dataclass(frozen=True)
class Settings:
    overlay: str = "kind"
    registry: str | None = None
    """Where images are pushed to and pulled from; without one they are loaded into the kind cluster."""
    docker_name: str = "docker"
    context: str | None = None
    """Of kubectl. The kind overlay goes to our kind cluster, whatever cluster the user looks at otherwise."""
    service: str | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """Raises Stopped."""
        overlay = os.environ.get("OVERLAY") or "kind"
        known = sorted(each.name for each in (K8S / "overlays").iterdir() if each.is_dir())
        if overlay not in known:
            raise Stopped(f"OVERLAY: there is no overlay {overlay} in {K8S}/overlays. It is one of {', '.join(known)}.")
        registry = (os.environ.get("REGISTRY") or "").rstrip("/") or None
        context = os.environ.get("CONTEXT") or (f"kind-{CLUSTER}" if overlay == "kind" else None)
        return cls(overlay, registry, os.environ.get("DOCKER") or "docker", context, os.environ.get("SERVICE") or None)

    @property
    def docker(self) -> Program:
        # BuildKit, for the cache mounts: where buildx is missing, docker would fall back to its old builder.
        return Program(
            self.docker_name,
            "install Docker, or Podman and say DOCKER=podman.",
            environment={"DOCKER_BUILDKIT": "1"},
        )

    @property
    def kind(self) -> Program:
        provider = {"KIND_EXPERIMENTAL_PROVIDER": "podman"} if Path(self.docker_name).name == "podman" else {}
        return Program("kind", "install it, https://kind.sigs.k8s.io.", environment=provider)

    @property
    def kubectl(self) -> Program:
        where = ("--context", self.context) if self.context else ()
        return Program("kubectl", "install it, https://kubernetes.io/docs/tasks/tools.", always=where)

    def chosen_service(self) -> str:
        """Raises Stopped."""
        if self.service not in SERVICE_NAMES:
            said = f"there is no service {self.service}" if self.service else "say which service"
            raise Stopped(
                f"SERVICE: {said}. It is one of {', '.join(SERVICE_NAMES)}, as in `make restart SERVICE=orders`."
            )
        return self.service
