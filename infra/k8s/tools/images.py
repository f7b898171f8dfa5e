"""Building the images, and bringing them to where the cluster finds them."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.program import Stopped, say
from tools.settings import CLUSTER, Settings


def image_of(name: str, registry: str | None = None) -> str:
    """With the registry's name in it always: docker would think of docker.io by itself, podman of localhost."""
    return f"{registry or 'docker.io'}/ticket-marketplace/{name}:latest"


def build(settings: Settings, names: Sequence[str]) -> None:
    for name in names:
        say(f"Building {name}…")
        settings.docker.run("build", "--build-arg", f"SERVICE={name}", "--tag", image_of(name), ".")


def deliver(settings: Settings, names: Sequence[str]) -> None:
    """Push to the registry if there is one, else load into the kind cluster."""
    for name in names:
        if settings.registry:
            say(f"Pushing {name} to {settings.registry}…")
            settings.docker.run("tag", image_of(name), image_of(name, settings.registry))
            settings.docker.run("push", image_of(name, settings.registry))
        else:
            say(f"Loading {name} into the kind cluster…")
            _load(settings, name)


def check_delivery(settings: Settings) -> None:
    """Before anything is changed: raise Stopped if `deliver` could not work."""
    if not settings.registry and settings.overlay != "kind":
        raise Stopped(f"REGISTRY: say where the images of the overlay {settings.overlay} go: REGISTRY=host/path.")
    settings.docker.require()
    if not settings.registry:
        settings.kind.require()


def _load(settings: Settings, name: str) -> None:
    """By a file, which serves docker and podman alike; `kind load docker-image` asks docker alone."""
    with tempfile.TemporaryDirectory() as folder:
        archive = str(Path(folder) / f"{name}.tar")
        settings.docker.run("save", "--output", archive, image_of(name))
        settings.kind.run("load", "image-archive", archive, "--name", CLUSTER)
