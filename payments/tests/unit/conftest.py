from typing import Any

import pytest
from mongomock_motor import AsyncMongoMockClient
from payments.tests.fake_gateway import FakeGateway
from payments.tests.movable_clock import MovableClock

from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated
from common.ids import new_id
from common.messaging.broker import Broker
from common.messaging.outbox import Relay
from common.messaging.publisher import Publisher
from common.mongo import Database
from common.replica import ReplicaRepository
from common.testing.samples import order_events
from payments.order_replica import OrderReplica
from payments.repository import PaymentRepository
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
    """The use cases; what they announce stays in the outboxes, because nobody runs the relay."""
    relay = Relay(Publisher(Broker("nats://nowhere", "unit")), clock)
    repository = PaymentRepository(database["payments"], relay, clock)
    await repository.create_indexes()
    orders = ReplicaRepository(database["order_replicas"], OrderReplica, patience_seconds=0)
    return PaymentService(repository, orders, gateway, clock)


@pytest.fixture
async def order(payments: PaymentService) -> tuple[OrderCreated, OrderCancelled, OrderCompleted]:
    """An open order, as the events that it can have: payments knows of the first."""
    events = order_events(new_id())
    await payments.follow_order(events[0])
    return events
