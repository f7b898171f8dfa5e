import pytest
from kubernetes.rendering import RENDERED, Objects, render


@pytest.fixture(scope="session", params=["kind", "production"])
def overlay(request: pytest.FixtureRequest) -> Objects:
    """Everything that `make deploy` applies."""
    return render(RENDERED[request.param])


@pytest.fixture(scope="session", params=RENDERED)
def rendered(request: pytest.FixtureRequest) -> Objects:
    """The same, and the ingress controller of `make cluster`."""
    return render(RENDERED[request.param])
