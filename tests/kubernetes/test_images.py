"""The Dockerfile and the dependencies of the images, as far as they can be read without building one."""

import json
import re

import pytest
from kubernetes.rendering import RENDERED, REPOSITORY, render

from marketplace.registry import SERVICE_NAMES

IMAGES = (*SERVICE_NAMES, "marketplace")
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
LAST_STAGE = DOCKERFILE.rpartition("\nFROM ")[2]


def pinned(lock: str) -> dict[str, str]:
    """Name and version; whatever the platform."""
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", (REPOSITORY / lock).read_text(), flags=re.MULTILINE))


def instruction(name: str) -> str:
    (found,) = re.findall(rf"^{name} (.+)$", LAST_STAGE, flags=re.MULTILINE)
    return str(found)


def test_the_sources_of_every_package_but_devkit_are_copied() -> None:
    (copied,) = re.findall(r"^COPY (.+) /sources/$", DOCKERFILE, flags=re.MULTILINE)
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert "devkit" in ignored
    assert {path.parts[-2] for path in REPOSITORY.glob(copied)} - {"devkit"} == {"common", *IMAGES}


def test_an_image_has_all_files_of_its_package_also_templates_and_style_sheets() -> None:
    """The Dockerfile copies whole folders, and .dockerignore leaves out nothing of them but what tools have made."""
    assert 'cp -r /sources/common "/sources/$SERVICE" .' in DOCKERFILE
    _, left_out = (REPOSITORY / ".dockerignore").read_text().split("!*/src\n")
    assert set(left_out.split()) == {"devkit", "**/__pycache__", "**/*.egg-info"}


def test_provisioning_has_the_dependencies_of_the_services_and_some_more() -> None:
    """Each dependency of the services has the same version in both lock files."""
    services, marketplace = pinned("requirements.lock"), pinned("requirements-marketplace.lock")
    assert services.items() < marketplace.items()
    assert {"typer", "rich"} <= marketplace.keys() - services.keys()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-marketplace.lock"])
def test_nothing_of_the_tests_or_the_checks_is_in_an_image(lock: str) -> None:
    assert not pinned(lock).keys() & {"pytest", "hypothesis", "ruff", "mypy", "uv", "hatchling", "mongomock", "pip"}


def test_an_image_runs_as_a_number_that_is_not_root_and_needs_no_shell() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", instruction("USER"))
    assert json.loads(instruction("ENTRYPOINT")) == ["python", "/app"]
    assert "PYTHONDONTWRITEBYTECODE=1" in instruction("ENV")


@pytest.mark.parametrize(
    ("overlay", "policy"), [("kind", "IfNotPresent"), ("production", "Always")], ids=["kind", "production"]
)
def test_our_images_are_always_pulled_except_on_kind(overlay: str, policy: str) -> None:
    """Our tag is `latest`, so an update is a push and a restart: a node must not start an older image that it has.

    A kind cluster has no registry to pull from: `make deploy` loads the images into its node.
    """
    policies = {
        name: container["imagePullPolicy"]
        for name, pod in render(RENDERED[overlay]).pods()
        for container in pod["spec"]["containers"]
        if "ticket-marketplace/" in container["image"]
    }
    assert len(policies) == len(IMAGES)
    assert {name: found for name, found in policies.items() if found != policy} == {}
