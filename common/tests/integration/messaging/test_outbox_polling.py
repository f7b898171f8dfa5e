"""Outbox polling publishes the events that the relay did not publish at once."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from common.tests.outboxes import (
    UnreliablePublisher,
    eventually_empty,
    in_outboxes,
    leave_behind,
    running,
)
from pymongo.errors import AutoReconnect
from structlog.testing import capture_logs

from common.domain.clock import utc_now
from common.domain.errors import DependencyUnavailable
from common.events.envelope import StagedEvent
from common.events.tickets import TicketCreated
from common.messaging.broker import Broker
from common.messaging.outbox_relay import OutboxRelay
from common.messaging.provisioning import provision_streams
from common.messaging.publisher import MessageRefused, Publisher
from common.storage.mongo import Mongo
from devkit.servers import NatsServer, free_port
from devkit.testing.events import EventStreams
from devkit.testing.interception import InterceptedCollection, Operation
from devkit.testing.samples import listed_ticket

pytestmark = pytest.mark.both_drivers

_AN_HOUR = timedelta(hours=1)
_UNAVAILABLE = DependencyUnavailable("the broker did not store it")
_REFUSED = MessageRefused("it is too large")


async def test_the_first_poll_of_a_process_publishes_young_events_too(mongo: Mongo, streams: EventStreams) -> None:
    """The process that wrote the event is dead, so the event is in no queue."""
    listings, ticket = mongo.database["listings"], listed_ticket()
    await leave_behind(listings, ticket)
    relay = OutboxRelay(UnreliablePublisher(streams.broker))
    relay.add_collection(listings)
    async with running(relay.poll_forever):
        await eventually_empty(listings)
    assert await streams.published(TicketCreated) == [ticket]


async def test_the_first_poll_after_a_reconnect_publishes_young_events_too(
    mongo: Mongo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay does not wait until its next regular poll, which comes after a minute here."""
    for pause in ("_POLL_SECONDS", "_RETRY_SECONDS"):
        monkeypatch.setattr(f"common.messaging.outbox_relay.{pause}", 60.0)
    listings = mongo.database["listings"]
    async with NatsServer(tmp_path, free_port()) as server:
        broker = Broker(server.url, "test")
        await broker.connect()
        await provision_streams(broker.jetstream)
        relay = OutboxRelay(Publisher(broker))
        relay.add_collection(listings)
        await leave_behind(listings, first := listed_ticket())
        async with running(relay.poll_forever):
            streams = EventStreams(broker)
            await eventually_empty(listings)
            await server.kill()
            await leave_behind(listings, second := listed_ticket())
            await server.start()
            await eventually_empty(listings)
        assert await streams.published(TicketCreated) == [first, second]
        await broker.close()


async def test_polling_leaves_the_events_in_the_queue_to_the_queue(mongo: Mongo, streams: EventStreams) -> None:
    listings, left, queued = mongo.database["listings"], listed_ticket(), listed_ticket()
    await leave_behind(listings, left, queued)
    relay = OutboxRelay(UnreliablePublisher(streams.broker))
    relay.add_collection(listings)
    relay.enqueue(listings, queued.id, [StagedEvent.stage(queued, utc_now())])
    assert await relay.poll() == 1
    assert await in_outboxes(listings) == [queued.id]
    async with running(relay.publish_forever, relay.clear_forever):
        await eventually_empty(listings)
    assert await streams.published(TicketCreated) == [left, queued]


async def test_polling_publishes_what_the_queue_could_not_publish(mongo: Mongo, streams: EventStreams) -> None:
    listings, publisher, ticket = mongo.database["listings"], UnreliablePublisher(streams.broker), listed_ticket()
    await leave_behind(listings, ticket)
    relay = OutboxRelay(publisher)
    relay.add_collection(listings)
    publisher.failures = {ticket.id: _UNAVAILABLE}
    async with running(relay.publish_forever, relay.clear_forever):
        relay.enqueue(listings, ticket.id, [StagedEvent.stage(ticket, utc_now())])
        await relay.drain(5)
    publisher.failures = {}
    assert await relay.poll() == 1
    assert await streams.published(TicketCreated) == [ticket]


@pytest.mark.parametrize("clock_was", [-_AN_HOUR, _AN_HOUR], ids=["behind", "ahead"])
async def test_an_event_that_was_staged_while_the_clock_was_wrong_is_published(
    mongo: Mongo, streams: EventStreams, clock_was: timedelta
) -> None:
    """A clock must not delay a message: https://github.com/rabbitmq/rabbitmq-delayed-message-exchange/issues/167."""
    listings, ticket = mongo.database["listings"], listed_ticket()
    await leave_behind(listings, ticket, for_so_long=-clock_was)
    relay = OutboxRelay(UnreliablePublisher(streams.broker))
    relay.add_collection(listings)
    assert await relay.poll() == 1
    assert await streams.published(TicketCreated) == [ticket]


async def test_polling_reads_by_the_index_only_documents_with_events(mongo: Mongo, streams: EventStreams) -> None:
    listings, relay = mongo.database["listings"], OutboxRelay(UnreliablePublisher(streams.broker))
    relay.add_collection(listings)
    await relay.create_indexes()
    await leave_behind(listings, *(listed_ticket() for _ in range(20)))
    assert await relay.poll() == 20
    await leave_behind(listings, listed_ticket())
    plan = await listings.find({"outbox.id": {"$exists": True}}).explain()  # type: ignore[attr-defined]
    assert plan["executionStats"]["totalDocsExamined"] == 1


@pytest.mark.parametrize("refusal", [_REFUSED, ValueError("a header cannot contain a line break")], ids=type)
async def test_polling_publishes_all_events_but_those_that_the_stream_refuses(
    mongo: Mongo, streams: EventStreams, refusal: Exception
) -> None:
    """More are refused than the poll reads at once, as in https://github.com/MarcosRabadan/Agendia/issues/260."""
    listings, publisher = mongo.database["listings"], UnreliablePublisher(streams.broker)
    refused, sound = [listed_ticket() for _ in range(300)], [listed_ticket() for _ in range(20)]
    for start in range(0, 300, 50):
        await leave_behind(listings, *refused[start : start + 50])
    await leave_behind(listings, *sound)
    relay = OutboxRelay(publisher)
    relay.add_collection(listings)
    publisher.failures = {ticket.id: refusal for ticket in refused}
    with capture_logs() as logs:
        assert await relay.poll() == 20
        assert await relay.poll() == 0
    assert await in_outboxes(listings) == sorted(ticket.id for ticket in refused)
    assert len(await streams.published(TicketCreated)) == 20
    assert len([line for line in logs if line["log_level"] == "error"]) == 300, "each is logged once"


async def test_polling_stops_if_the_stream_is_unavailable(mongo: Mongo, streams: EventStreams) -> None:
    """Each attempt could take two seconds."""
    listings, publisher = mongo.database["listings"], UnreliablePublisher(streams.broker)
    for _ in range(6):
        await leave_behind(listings, *(listed_ticket() for _ in range(50)))
    relay = OutboxRelay(publisher)
    relay.add_collection(listings)
    publisher.dies = "before publishing"
    assert await relay.poll() == 0
    assert len(publisher.tried) < 300


async def test_one_poll_tries_an_event_that_cannot_be_published_once(mongo: Mongo, streams: EventStreams) -> None:
    listings, publisher = mongo.database["listings"], UnreliablePublisher(streams.broker)
    ticket = listed_ticket()
    await leave_behind(listings, ticket)
    relay = OutboxRelay(publisher)
    relay.add_collection(listings)
    publisher.failures = {ticket.id: _UNAVAILABLE}
    async with asyncio.timeout(2):
        assert await relay.poll() == 0
    assert publisher.tried == [ticket.id], "there must be a pause before the next attempt"


async def test_polling_publishes_an_event_again_that_could_not_be_cleared(mongo: Mongo, streams: EventStreams) -> None:
    """The stream recognises the duplicate."""
    unavailable = _UnavailableOnce("bulk_write")
    listings, ticket = mongo.database["listings"], listed_ticket()
    await leave_behind(listings, ticket)
    relay = OutboxRelay(UnreliablePublisher(streams.broker))
    relay.add_collection(InterceptedCollection(listings, unavailable))
    assert await relay.poll() == 0
    assert await in_outboxes(listings) == [ticket.id]
    assert await relay.poll() == 1
    assert await in_outboxes(listings) == []
    assert await streams.published(TicketCreated) == [ticket]


async def test_polling_continues_after_an_outage_of_mongodb(mongo: Mongo, streams: EventStreams) -> None:
    unavailable = _UnavailableOnce("find")
    listings = mongo.database["listings"]
    await leave_behind(listings, listed_ticket(), for_so_long=_AN_HOUR)
    relay = OutboxRelay(UnreliablePublisher(streams.broker))
    relay.add_collection(InterceptedCollection(listings, unavailable))
    async with running(relay.poll_forever):
        await eventually_empty(listings)
    assert unavailable.happened


async def test_polling_reads_an_outbox_of_many_events_in_batches(mongo: Mongo, streams: EventStreams) -> None:
    """Otherwise all events of a long outage would be in memory, and in flight, at once."""
    sizes: list[int] = []

    async def measure(name: str, operation: Operation) -> Any:
        found = await operation()
        if name == "find":
            sizes.append(len(found))
        return found

    listings = mongo.database["listings"]
    for _ in range(6):  # if all were stored at once, some would wait too long for a connection
        await leave_behind(listings, *(listed_ticket() for _ in range(50)))
    relay = OutboxRelay(UnreliablePublisher(streams.broker))
    relay.add_collection(InterceptedCollection(listings, measure))
    assert await relay.poll() == 300
    assert max(sizes) < 300
    assert len(await streams.published(TicketCreated)) == 300


class _UnavailableOnce:
    def __init__(self, operation: str) -> None:
        self._fails_at = operation
        self.happened = False

    async def __call__(self, name: str, operation: Operation) -> Any:
        if name == self._fails_at and not self.happened:
            self.happened = True
            raise AutoReconnect("connection closed")
        return await operation()
