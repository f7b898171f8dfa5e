"""What use cases need to run without servers: a database in memory, and an outbox relay that publishes nothing."""

from typing import Any

from mongomock_motor import AsyncMongoMockClient

from common.domain.clock import Clock, utc_now
from common.messaging.broker import Broker
from common.messaging.outbox_relay import OutboxRelay
from common.messaging.publisher import Publisher
from common.storage.collection import Database


def in_memory_database(name: str) -> Database:
    """An empty database."""
    client: Any = AsyncMongoMockClient(tz_aware=True)  # typed as motor's client, whose types are narrower than ours
    database: Database = client[name]
    return database


def unconnected_broker() -> Broker:
    return Broker("nats://nowhere", "test")


def idle_relay(clock: Clock = utc_now) -> OutboxRelay:
    """A relay that does not run. Staged events stay in the outboxes, where a test can read them."""
    return OutboxRelay(Publisher(unconnected_broker()), clock)
