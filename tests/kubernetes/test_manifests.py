"""Each service has its manifests. `make k8s-check` runs this first: what is missing fails most of its other tests."""

import re
from functools import cache
from pathlib import Path

import pytest
from kubernetes.rendering import MANIFESTS

from marketplace.registry import SERVICE_NAMES

_FILES = [path.relative_to(MANIFESTS) for path in MANIFESTS.rglob("*.yaml")]


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_a_service_has_the_manifests_that_all_other_services_have(service: str) -> None:
    own = {path for path in _own_files(service) if not (MANIFESTS / path).exists()}
    shared = {path for path in _FILES if _names(path) == {*SERVICE_NAMES} - {service}}
    missing = ", ".join(sorted(map(str, own | shared)))
    assert not missing, f"infra/k8s lacks manifests of {service}, in these files: {missing}"


def _own_files(service: str) -> set[Path]:
    """By the name of the files that every other service has: base/orders.yaml."""
    others = [name for name in SERVICE_NAMES if name != service]
    expected = [{Path(str(path).replace(other, service)) for path in _FILES if other in str(path)} for other in others]
    return set.intersection(*expected)


@cache
def _names(path: Path) -> set[str]:
    words = set(re.findall(r"[a-z]+", (MANIFESTS / path).read_text(encoding="utf-8")))
    return words & set(SERVICE_NAMES)
