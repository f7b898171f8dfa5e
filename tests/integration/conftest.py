"""Running services with an Idempotency-Key, and their clock."""

from collections.abc import AsyncIterator

import pytest

import orders.consumers
import orders.main
import payments.consumers
import payments.main
from devkit.testing.clock import SettableClock
from devkit.testing.running import RunningService, Surroundings
from orders.settings import OrdersSettings
from payments.settings import PaymentsSettings


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def ordering(surroundings: Surroundings, clock: SettableClock) -> AsyncIterator[RunningService]:
    settings = surroundings.settings(OrdersSettings, "orders")
    create = lambda: orders.main.create_app(settings, clock=clock, policy=surroundings.policy)  # noqa: E731
    async with surroundings.running(create, orders.consumers.CONSUMERS) as running:
        yield running


@pytest.fixture
async def paying(surroundings: Surroundings, clock: SettableClock) -> AsyncIterator[RunningService]:
    settings = surroundings.settings(PaymentsSettings, "payments")
    create = lambda: payments.main.create_app(settings, clock=clock, policy=surroundings.policy)  # noqa: E731
    async with surroundings.running(create, payments.consumers.CONSUMERS) as running:
        yield running
