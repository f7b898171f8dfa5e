"""The real processes, started as `make run` starts them, with two instances of what a buyer meets first."""

from collections.abc import AsyncIterator

import pytest
from system.people import Person

from common.storage.mongo import MongoDriver
from devkit.servers import free_port
from marketplace.platform import Platform
from marketplace.settings import PlatformSettings


@pytest.fixture(scope="session")
async def platform(driver: MongoDriver, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    settings = PlatformSettings(
        gateway_port=free_port(in_a_row=40),
        data_dir=tmp_path_factory.mktemp("platform"),
        mongo_driver=driver,
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
