"""The real processes, started as `make run` starts them, with two instances of what a buyer meets first."""

from collections.abc import AsyncIterator

import pytest
from system.people import Person
from system.ports import own_ports

from marketplace.platform import Platform
from marketplace.settings import PlatformSettings

# The tests of one driver stay together: no process of `pytest -n 2 --dist loadgroup` starts more than one platform.
DRIVERS = [pytest.param(driver, marks=pytest.mark.xdist_group(driver)) for driver in ("motor", "pymongo")]


@pytest.fixture(scope="session", params=DRIVERS)
async def platform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    settings = PlatformSettings(
        gateway_port=own_ports(),
        data_dir=tmp_path_factory.mktemp("platform"),
        mongo_driver=request.param,
        order_window_seconds=60,
        log_format="json",
    )
    async with Platform(settings, {"orders": 2, "payments": 2}) as platform:
        yield platform


@pytest.fixture
async def seller(platform: Platform) -> AsyncIterator[Person]:
    async with Person.signed_up(platform.url) as person:
        yield person


@pytest.fixture
async def buyer(platform: Platform) -> AsyncIterator[Person]:
    async with Person.signed_up(platform.url) as person:
        yield person
