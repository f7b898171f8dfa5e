"""The relay publishes what is handed over to it, for as long as the process lives; nothing ends it or wears it out."""

import asyncio
from typing import Any

import pytest
from common.tests.outboxes import (
    UnreliablePublisher,
    eventually_empty,
    in_outboxes,
    leave_behind,
    running,
    stopped_clock,
)
from pymongo.errors import AutoReconnect

from common.domain.clock import utc_now
from common.domain.errors import DependencyUnavailable
from common.events.envelope import StagedEvent
from common.events.tickets import TicketCreated
from common.messaging.outbox_relay import OutboxRelay
from common.messaging.provisioning import provision_streams
from common.messaging.streams import DOMAIN_EVENTS
from common.runtime.service_runtime import Service
from common.runtime.settings import ServiceSettings
from common.storage.collection import Collection
from common.storage.mongo import Mongo
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.interception import InterceptedCollection, Operation
from devkit.testing.running import Surroundings
from devkit.testing.samples import listed_ticket

_UNAVAILABLE = DependencyUnavailable("the broker does not answer")


async def _stage(relay: OutboxRelay, listings: Collection, event: TicketCreated) -> None:
    """As an aggregate's repository does: store, then hand over."""
    await leave_behind(listings, event)
    relay.enqueue(listings, event.id, [StagedEvent.stage(event, utc_now())])


@pytest.fixture
def publisher(streams: EventStreams) -> UnreliablePublisher:
    return UnreliablePublisher(streams.broker)


@pytest.fixture
def relay(publisher: UnreliablePublisher) -> OutboxRelay:
    return OutboxRelay(publisher, stopped_clock)


async def test_an_event_that_can_never_be_published_does_not_hold_up_the_others(
    mongo: Mongo, streams: EventStreams, publisher: UnreliablePublisher, relay: OutboxRelay
) -> None:
    """Whatever it fails with: its own outbox is all that it blocks."""
    listings, defective, sound = mongo.database["listings"], listed_ticket(), listed_ticket()
    publisher.failures = {defective.id: ValueError("a header cannot contain a line break")}
    async with running(relay.publish_forever, relay.clear_forever):
        await _stage(relay, listings, defective)
        await _stage(relay, listings, sound)
        await eventually(
            lambda: in_outboxes(listings), until=lambda left: left == [defective.id], within=3, what="the others gone"
        )
    assert await streams.published(TicketCreated) == [sound]


async def test_a_long_outage_of_the_broker_does_not_wear_out_the_relay(
    mongo: Mongo, streams: EventStreams, publisher: UnreliablePublisher, relay: OutboxRelay
) -> None:
    listings, during, after = mongo.database["listings"], listed_ticket(), listed_ticket()
    publisher.failures = {during.id: _UNAVAILABLE}
    async with running(relay.publish_forever, relay.clear_forever):
        relay.enqueue(listings, during.id, [StagedEvent.stage(during, utc_now())] * 1000)
        await _stage(relay, listings, after)
        await eventually_empty(listings)
    assert await streams.published(TicketCreated) == [after]


async def test_a_change_succeeds_although_the_relay_has_no_room_for_its_event(
    mongo: Mongo, streams: EventStreams, relay: OutboxRelay
) -> None:
    """The relay does not run here. Outbox polling finds the event."""
    listings, ticket = mongo.database["listings"], listed_ticket()
    relay.add_collection(listings)
    relay.enqueue(listings, ticket.id, [StagedEvent.stage(ticket, utc_now())] * 20_000)
    await _stage(relay, listings, ticket)
    assert await relay.poll() == 1
    assert await streams.published(TicketCreated) == [ticket]


async def test_an_event_stays_in_its_outbox_until_the_stream_has_acknowledged_it(
    mongo: Mongo, streams: EventStreams, publisher: UnreliablePublisher, relay: OutboxRelay
) -> None:
    listings, ticket = mongo.database["listings"], listed_ticket()
    relay.add_collection(listings)
    await streams.broker.jetstream.delete_stream(DOMAIN_EVENTS.name)
    async with running(relay.publish_forever, relay.clear_forever):
        await _stage(relay, listings, ticket)
        await relay.drain(5)
        assert publisher.tried == [ticket.id]
        assert await in_outboxes(listings) == [ticket.id], "no stream has it"
    await provision_streams(streams.broker.jetstream)
    await relay.poll()
    assert await streams.published(TicketCreated) == [ticket]


async def test_the_relay_clears_outboxes_again_after_an_outage_of_the_database(
    mongo: Mongo, streams: EventStreams, relay: OutboxRelay
) -> None:
    outages: list[str] = []

    async def around(name: str, operation: Operation) -> Any:
        if name == "bulk_write" and not outages:
            outages.append(name)
            raise AutoReconnect("connection closed")
        return await operation()

    listings: Any = InterceptedCollection(mongo.database["listings"], around)
    first, second = listed_ticket(), listed_ticket()
    async with running(relay.publish_forever, relay.clear_forever):
        await _stage(relay, listings, first)
        await relay.drain(5)
        await _stage(relay, listings, second)
        await relay.drain(5)
    assert outages
    assert await in_outboxes(listings) == [first.id], "for outbox polling to publish again"


class _Waiting(UnreliablePublisher):
    """Gets no acknowledgement for any event."""

    async def publish(self, staged: StagedEvent) -> None:
        self.tried.append(staged.id)
        await asyncio.Event().wait()


async def test_the_relay_publishes_a_bounded_number_of_events_at_once(mongo: Mongo, streams: EventStreams) -> None:
    publisher, ticket = _Waiting(streams.broker), listed_ticket()
    relay = OutboxRelay(publisher, stopped_clock)
    relay.enqueue(mongo.database["listings"], ticket.id, [StagedEvent.stage(ticket, utc_now())] * 5000)
    async with running(relay.publish_forever):
        for _ in range(100):
            await asyncio.sleep(0)  # a turn of the event loop: all 5000 would begin within a few
    assert 0 < len(publisher.tried) <= 300


async def test_a_service_publishes_what_a_process_before_it_has_left_behind(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    service = Service("tickets", surroundings.settings(ServiceSettings, "tickets"), clock=stopped_clock)
    listings, ticket = service.mongo.database["listings"], listed_ticket()
    service.relay.add_collection(listings)
    await leave_behind(listings, ticket)
    async with service.running():
        await eventually_empty(listings)
    assert await streams.published(TicketCreated) == [ticket]


async def test_a_service_publishes_each_change_at_once_and_clears_its_outbox(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    """By the clock of this service, outbox polling never has to help."""
    service = Service("tickets", surroundings.settings(ServiceSettings, "tickets"), clock=stopped_clock)
    listings, at_the_start, later = service.mongo.database["listings"], listed_ticket(), listed_ticket()
    service.relay.add_collection(listings)
    await leave_behind(listings, at_the_start)
    async with service.running():
        await eventually_empty(listings)  # from here on, polling looks for older events only
        await _stage(service.relay, listings, later)
        await eventually_empty(listings)
    assert await streams.published(TicketCreated) == [at_the_start, later]
