from collections.abc import AsyncIterator

import pytest
from payments.tests.checkout import Checkout, Start

from common.domain.ids import new_id
from devkit.testing.clock import SettableClock
from devkit.testing.events import EventStreams
from devkit.testing.running import RunningService, Surroundings
from devkit.testing.samples import order_events
from payments.consumers import CONSUMERS
from payments.gateway.protocol import PaymentGateway
from payments.main import create_app
from payments.settings import PaymentsSettings


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def gateway() -> PaymentGateway | None:
    """None: the sandbox. A module that needs a FakeGateway overrides this fixture."""
    return None


@pytest.fixture
def start(surroundings: Surroundings, clock: SettableClock, gateway: PaymentGateway | None) -> Start:
    """Starts an instance of payments. All instances share one database."""
    settings = surroundings.settings(PaymentsSettings, "payments")
    return lambda: surroundings.running(
        lambda: create_app(settings, clock=clock, policy=surroundings.policy, gateway=gateway), CONSUMERS
    )


@pytest.fixture
async def running(start: Start) -> AsyncIterator[RunningService]:
    async with start() as running:
        yield running


@pytest.fixture
async def checkout(running: RunningService, streams: EventStreams, clock: SettableClock) -> Checkout:
    checkout = Checkout(running, streams, clock, *order_events(new_id()))
    await checkout.deliver(checkout.created)
    return checkout
