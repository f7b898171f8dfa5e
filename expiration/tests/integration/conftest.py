from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
from expiration.tests.timers import Start

from common.domain.clock import Clock, utc_now
from devkit.testing.running import RunningService, Surroundings
from expiration.consumers import CONSUMERS
from expiration.main import create_app
from expiration.settings import ExpirationSettings


@pytest.fixture
def settings(surroundings: Surroundings) -> ExpirationSettings:
    return surroundings.settings(ExpirationSettings, "expiration")


@pytest.fixture
def start(surroundings: Surroundings, settings: ExpirationSettings) -> Start:
    def start(*, clock: Clock = utc_now) -> AbstractAsyncContextManager[RunningService]:
        return surroundings.running(lambda: create_app(settings, clock=clock, policy=surroundings.policy), CONSUMERS)

    return start


@pytest.fixture
async def running(start: Start) -> AsyncIterator[RunningService]:
    async with start() as running:
        yield running
