from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from common.tests.platform_in_process import Platform
from common.tests.services import WITH_API, ServiceUnderTest

from devkit.testing.keys import KeyPair
from devkit.testing.running import RunningService, Surroundings


@pytest.fixture(params=WITH_API, ids=str)
def service(request: pytest.FixtureRequest) -> ServiceUnderTest:
    """Each service that has an API."""
    chosen: ServiceUnderTest = request.param
    return chosen


@pytest.fixture
async def running(service: ServiceUnderTest, surroundings: Surroundings) -> AsyncIterator[RunningService]:
    """The real application of the service, on the real servers."""
    spec = service.spec
    settings = surroundings.settings(spec.settings, spec.name)
    more = {"policy": surroundings.policy} if spec.consumers else {}
    async with surroundings.running(lambda: spec.create_app(settings, **more), spec.consumers) as running:
        yield running


@pytest.fixture
async def platform(tmp_path: Path, keys: KeyPair) -> AsyncIterator[Platform]:
    """Servers that no other test uses, so that a test may kill them."""
    async with Platform.start(tmp_path, keys) as platform:
        yield platform
