from datetime import UTC, datetime, timedelta

import pytest
from mongomock_motor import AsyncMongoMockClient

from common.messaging.broker import Broker
from common.messaging.outbox import Relay
from common.messaging.publisher import Publisher
from orders.repository import OrderRepository
from orders.service import OrderService
from orders.ticket_replica import TicketReplicas


class Watch:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
async def orders(watch: Watch) -> OrderService:
    """The use cases on a database in memory. Nothing is published: what is staged stays in the outbox."""
    database = AsyncMongoMockClient(tz_aware=True)["orders"]
    relay = Relay(Publisher(Broker("nats://nowhere", "test")), watch)
    repository = OrderRepository(database["orders"], relay, watch)
    await repository.create_indexes()
    return OrderService(repository, TicketReplicas(database["ticket_replicas"]), watch, timedelta(minutes=15))
