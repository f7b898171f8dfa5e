from typing import Any

import pytest
from mongomock_motor import AsyncMongoMockClient
from payments.tests.fake_gateway import FakeGateway
from payments.tests.movable_clock import MovableClock
from payments.tests.use_cases import OrderEvents, use_cases

from common.domain.ids import new_id
from common.storage.collection import Database
from devkit.testing.samples import order_events
from payments.service import PaymentService


@pytest.fixture
def database() -> Database:
    mock: Any = AsyncMongoMockClient(tz_aware=True)  # typed as motor's client, whose types are narrower than ours
    database: Database = mock["payments"]
    return database


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def payments(database: Database, gateway: FakeGateway, clock: MovableClock) -> PaymentService:
    return await use_cases(database, gateway, clock)


@pytest.fixture
async def order(payments: PaymentService) -> OrderEvents:
    """An open order, as the events that it can have: payments knows of the first."""
    events = order_events(new_id())
    await payments.follow_order(events[0])
    return events
