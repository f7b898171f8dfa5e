from collections.abc import AsyncIterator

import pytest
from storefront.tests.shop import Shop

from devkit.testing.running import RunningService, Surroundings
from storefront.consumers import CONSUMERS
from storefront.main import create_app
from storefront.settings import StorefrontSettings


@pytest.fixture
async def running(surroundings: Surroundings) -> AsyncIterator[RunningService]:
    settings = surroundings.settings(StorefrontSettings, "storefront")
    create = lambda: create_app(settings, policy=surroundings.policy)  # noqa: E731 - a function would be longer
    async with surroundings.running(create, CONSUMERS) as running:
        yield running


@pytest.fixture
def shop(running: RunningService) -> Shop:
    return Shop(running, running.client())
