"""The relay publishes the events in its queue and clears their outboxes. No failure ends it or blocks its capacity."""

import asyncio
from typing import Any, Literal

import pytest
from common.tests.listing import Listing
from common.tests.outboxes import (
    UnreliablePublisher,
    eventually_empty,
    in_outboxes,
    leave_behind,
    running,
    stage_and_enqueue,
    stopped_clock,
)

from common.domain.clock import utc_now
from common.domain.errors import DependencyUnavailable
from common.events.envelope import StagedEvent
from common.events.tickets import TicketCreated, TicketUpdated
from common.messaging.outbox_relay import OutboxRelay
from common.messaging.provisioning import provision_streams
from common.messaging.streams import DOMAIN_EVENTS
from common.runtime.service_runtime import ServiceRuntime
from common.runtime.settings import ServiceSettings
from common.storage.mongo import Mongo
from common.storage.repository import AggregateRepository
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.interception import InterceptedCollection, Operation
from devkit.testing.running import Surroundings
from devkit.testing.samples import listed_ticket

pytestmark = pytest.mark.both_drivers

_UNAVAILABLE = DependencyUnavailable("the broker does not answer")


@pytest.fixture
def publisher(streams: EventStreams) -> UnreliablePublisher:
    return UnreliablePublisher(streams.broker)


@pytest.fixture
def relay(publisher: UnreliablePublisher) -> OutboxRelay:
    return OutboxRelay(publisher)


async def test_a_change_is_published_and_its_outbox_cleared(
    mongo: Mongo, streams: EventStreams, relay: OutboxRelay
) -> None:
    listings = AggregateRepository(mongo.database["listings"], Listing, relay, utc_now)
    async with running(relay.publish_forever, relay.clear_forever):
        listing = Listing.create("first")
        await listings.add(listing)
        listing.rename("second")
        listing.rename("third")
        await listings.save(listing)
        await eventually_empty(listings.collection)
    updates = await streams.published(TicketUpdated)
    assert [(event.version, event.title) for event in updates] == [(2, "second"), (3, "third")]
    assert len(await streams.published(TicketCreated)) == 1


async def test_an_event_is_published_while_the_outbox_of_an_earlier_one_is_cleared(
    mongo: Mongo, streams: EventStreams, relay: OutboxRelay
) -> None:
    may_clear = asyncio.Event()

    async def clear_later(name: str, operation: Operation) -> Any:
        if name == "bulk_write":
            await may_clear.wait()
        return await operation()

    listings: Any = InterceptedCollection(mongo.database["listings"], clear_later)
    tickets = [listed_ticket() for _ in range(3)]
    async with running(relay.publish_forever, relay.clear_forever):
        for number, ticket in enumerate(tickets, start=1):
            await stage_and_enqueue(relay, listings, ticket)
            published = await streams.eventually_published(TicketCreated, number)
        assert published == tickets
        assert len(await in_outboxes(listings)) == len(tickets)
        may_clear.set()
        await eventually_empty(listings)


@pytest.mark.parametrize("moment", ["before publishing", "after publishing"])
async def test_a_crash_before_the_clearing_neither_loses_nor_doubles_an_event(
    mongo: Mongo,
    streams: EventStreams,
    publisher: UnreliablePublisher,
    moment: Literal["before publishing", "after publishing"],
) -> None:
    relay = OutboxRelay(publisher)
    listings = AggregateRepository(mongo.database["listings"], Listing, relay, utc_now)
    listing = Listing.create("first")
    async with running(relay.publish_forever, relay.clear_forever):
        publisher.dies = moment
        await listings.add(listing)
        await relay.drain(5)
    assert await in_outboxes(listings.collection) == [listing.id]

    publisher.dies = None  # the next process
    assert await relay.poll() == 1
    assert await in_outboxes(listings.collection) == []
    assert len(await streams.published(TicketCreated)) == 1


async def test_an_event_that_cannot_be_published_does_not_block_the_others(
    mongo: Mongo, streams: EventStreams, publisher: UnreliablePublisher, relay: OutboxRelay
) -> None:
    """Whatever the failure is, only its own outbox is not cleared."""
    listings, defective, sound = mongo.database["listings"], listed_ticket(), listed_ticket()
    publisher.failures = {defective.id: ValueError("a header cannot contain a line break")}
    async with running(relay.publish_forever, relay.clear_forever):
        await stage_and_enqueue(relay, listings, defective)
        await stage_and_enqueue(relay, listings, sound)
        await eventually(
            lambda: in_outboxes(listings),
            until=lambda left: left == [defective.id],
            within=3,
            what="the other outbox cleared",
        )
    assert await streams.published(TicketCreated) == [sound]


async def test_the_relay_publishes_again_after_a_long_outage_of_the_broker(
    mongo: Mongo, streams: EventStreams, publisher: UnreliablePublisher, relay: OutboxRelay
) -> None:
    listings, during, after = mongo.database["listings"], listed_ticket(), listed_ticket()
    publisher.failures = {during.id: _UNAVAILABLE}
    async with running(relay.publish_forever, relay.clear_forever):
        relay.enqueue(listings, during.id, [StagedEvent.stage(during, utc_now())] * 1000)
        await stage_and_enqueue(relay, listings, after)
        await eventually_empty(listings)
    assert await streams.published(TicketCreated) == [after]


async def test_a_change_succeeds_although_the_queue_of_the_relay_is_full(
    mongo: Mongo, streams: EventStreams, relay: OutboxRelay
) -> None:
    """The relay does not run here, so the queue stays full. Outbox polling finds the event."""
    listings, ticket = mongo.database["listings"], listed_ticket()
    relay.add_collection(listings)
    other = listed_ticket()
    relay.enqueue(listings, other.id, [StagedEvent.stage(other, utc_now())] * 20_000)
    await stage_and_enqueue(relay, listings, ticket)
    assert await relay.poll() == 1
    assert await streams.published(TicketCreated) == [ticket]


async def test_an_event_stays_in_its_outbox_until_the_stream_acknowledges_it(
    mongo: Mongo, streams: EventStreams, publisher: UnreliablePublisher, relay: OutboxRelay
) -> None:
    listings, ticket = mongo.database["listings"], listed_ticket()
    relay.add_collection(listings)
    await streams.broker.jetstream.delete_stream(DOMAIN_EVENTS.name)
    async with running(relay.publish_forever, relay.clear_forever):
        await stage_and_enqueue(relay, listings, ticket)
        await relay.drain(5)
        assert publisher.tried == [ticket.id]
        assert await in_outboxes(listings) == [ticket.id], "no stream has it"
    await provision_streams(streams.broker.jetstream)
    await relay.poll()
    assert await streams.published(TicketCreated) == [ticket]


class _Waiting(UnreliablePublisher):
    """Gets no acknowledgement for any event."""

    async def publish(self, staged: StagedEvent) -> None:
        self.tried.append(staged.id)
        await asyncio.Event().wait()


async def test_the_relay_publishes_a_bounded_number_of_events_at_once(mongo: Mongo, streams: EventStreams) -> None:
    publisher, ticket = _Waiting(streams.broker), listed_ticket()
    relay = OutboxRelay(publisher)
    relay.enqueue(mongo.database["listings"], ticket.id, [StagedEvent.stage(ticket, utc_now())] * 5000)
    async with running(relay.publish_forever):
        for _ in range(100):
            await asyncio.sleep(0)  # a turn of the event loop: all 5000 would begin within a few
    assert 0 < len(publisher.tried) <= 300


async def test_a_service_publishes_the_events_of_an_earlier_process(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    service = ServiceRuntime("tickets", surroundings.settings(ServiceSettings, "tickets"), clock=stopped_clock)
    listings, ticket = service.mongo.database["listings"], listed_ticket()
    service.relay.add_collection(listings)
    await leave_behind(listings, ticket)
    async with service.running():
        await eventually_empty(listings)
    assert await streams.published(TicketCreated) == [ticket]


async def test_a_service_publishes_each_change_at_once_and_clears_its_outbox(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    """By the clock of this service no event is old enough for outbox polling."""
    service = ServiceRuntime("tickets", surroundings.settings(ServiceSettings, "tickets"), clock=stopped_clock)
    listings, at_the_start, later = service.mongo.database["listings"], listed_ticket(), listed_ticket()
    service.relay.add_collection(listings)
    await leave_behind(listings, at_the_start)
    async with service.running():
        await eventually_empty(listings)  # from now on, polling looks only for old events
        await stage_and_enqueue(service.relay, listings, later)
        await eventually_empty(listings)
    assert await streams.published(TicketCreated) == [at_the_start, later]
