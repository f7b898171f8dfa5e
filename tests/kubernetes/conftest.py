import pytest
from kubernetes.rendering import RENDERED, Objects, namespace, render


@pytest.fixture(scope="session", params=["kind", "production"])
def overlay(request: pytest.FixtureRequest) -> Objects:
    """Everything that `make deploy` applies, the namespace included."""
    return Objects((namespace(), *render(RENDERED[request.param]).all))


@pytest.fixture(scope="session", params=RENDERED)
def rendered(request: pytest.FixtureRequest) -> Objects:
    """The same, and the ingress controller of `make cluster`."""
    objects = render(RENDERED[request.param])
    return objects if objects.of("Namespace") else Objects((namespace(), *objects.all))
