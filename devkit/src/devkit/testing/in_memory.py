"""With these helpers, a test can run use cases without servers.

The database is in memory. No events are published, because the outbox relay, which normally publishes them, does not
run.
"""

from typing import Any

from mongomock_motor import AsyncMongoMockClient

from common.messaging.broker import Broker
from common.messaging.outbox_relay import OutboxRelay
from common.messaging.publisher import Publisher
from common.storage.collection import Database


def in_memory_database(name: str) -> Database:
    """Return an empty database in memory."""
    # The mock declares the types of motor, and these types do not fit our type Database. So we use Any here.
    client: Any = AsyncMongoMockClient(tz_aware=True)
    database: Database = client[name]
    return database


def unconnected_broker() -> Broker:
    return Broker("nats://nowhere", "test")


def idle_relay() -> OutboxRelay:
    """Return an outbox relay that is never started, so it publishes nothing.

    Therefore all events stay in the outboxes (the lists of unpublished events in the documents), where a test can read
    them.
    """
    return OutboxRelay(Publisher(unconnected_broker()))
