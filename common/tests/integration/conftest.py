from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from common.tests.island import Island
from common.tests.services import WITH_API, ServiceUnderTest

from devkit.testing.keys import KeyPair
from devkit.testing.running import RunningService, Surroundings


@pytest.fixture(params=WITH_API, ids=str)
def service(request: pytest.FixtureRequest) -> ServiceUnderTest:
    """Each that has routes, in turn."""
    chosen: ServiceUnderTest = request.param
    return chosen


@pytest.fixture
async def running(service: ServiceUnderTest, surroundings: Surroundings) -> AsyncIterator[RunningService]:
    """Its real application, on the real servers."""
    settings = surroundings.settings(service.settings_type, service.name)
    more = {"policy": surroundings.policy} if service.consumers else {}
    async with surroundings.running(lambda: service.create_app(settings, **more), service.consumers) as running:
        yield running


@pytest.fixture
async def island(tmp_path: Path, keys: KeyPair) -> AsyncIterator[Island]:
    """Servers that nobody else uses: a test may kill them."""
    async with Island.arise(tmp_path, keys) as island:
        yield island
