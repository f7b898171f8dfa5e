"""Outboxes are cleared again after a failure of the clearing."""

from typing import Any

import pytest
from common.tests.outboxes import UnreliablePublisher, in_outboxes, running, stage_and_enqueue
from pymongo.errors import AutoReconnect

from common.events.tickets import TicketCreated
from common.messaging.outbox_relay import OutboxRelay
from common.storage.mongo import Mongo
from devkit.testing.events import EventStreams
from devkit.testing.interception import InterceptedCollection, Operation
from devkit.testing.samples import listed_ticket

pytestmark = pytest.mark.both_drivers


@pytest.fixture
def relay(streams: EventStreams) -> OutboxRelay:
    return OutboxRelay(UnreliablePublisher(streams.broker))


def _failing_to_clear(mongo: Mongo, failures: list[Exception]) -> Any:
    """A collection that raises these errors when its outboxes are cleared, and then works."""

    async def around(name: str, operation: Operation) -> Any:
        if name == "bulk_write" and failures:
            raise failures.pop()
        return await operation()

    return InterceptedCollection(mongo.database["listings"], around)


async def test_the_relay_clears_outboxes_again_after_an_outage_of_mongodb(
    mongo: Mongo, streams: EventStreams, relay: OutboxRelay
) -> None:
    failures: list[Exception] = [AutoReconnect("connection closed")]
    listings = _failing_to_clear(mongo, failures)
    first, second = listed_ticket(), listed_ticket()
    async with running(relay.publish_forever, relay.clear_forever):
        await stage_and_enqueue(relay, listings, first)
        await relay.drain(5)
        await stage_and_enqueue(relay, listings, second)
        await relay.drain(5)
    assert not failures
    assert await in_outboxes(listings) == [first.id], "for outbox polling to publish again"


async def test_outbox_polling_clears_an_outbox_after_a_defect_in_the_clearing(
    mongo: Mongo, streams: EventStreams, relay: OutboxRelay
) -> None:
    failures: list[Exception] = [RuntimeError("a defect")]
    listings = _failing_to_clear(mongo, failures)
    relay.add_collection(listings)
    ticket = listed_ticket()
    async with running(relay.publish_forever, relay.clear_forever):
        await stage_and_enqueue(relay, listings, ticket)
        await relay.drain(5)
    assert not failures
    assert await relay.poll() == 1
    assert await in_outboxes(listings) == []
    assert await streams.published(TicketCreated) == [ticket]
