from datetime import UTC, datetime

import pytest
from mongomock_motor import AsyncMongoMockClient

from common.messaging.broker import Broker
from common.messaging.outbox import Relay
from common.messaging.publisher import Publisher
from tickets.order_replica import OrderReplicas
from tickets.repository import TicketRepository
from tickets.service import TicketService

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def tickets() -> TicketService:
    """The use cases on a database in memory. Nothing is published: what is staged stays in the outbox."""
    database = AsyncMongoMockClient(tz_aware=True)["tickets"]
    relay = Relay(Publisher(Broker("nats://nowhere", "test")), lambda: NOW)
    return TicketService(
        TicketRepository(database["tickets"], relay, lambda: NOW), OrderReplicas(database["order_replicas"])
    )
