"""Aggregates in MongoDB: a change and its events are one write."""

import pytest

from common.domain.clock import utc_now
from common.domain.ids import UserId, new_id
from common.events.tickets import TicketCreated, TicketUpdated
from common.messaging.outbox_relay import OutboxRelay
from common.messaging.publisher import Publisher
from common.storage.mongo import Mongo
from common.storage.repository import AggregateRepository
from devkit.testing.events import EventStreams
from tickets.ticket import Ticket

pytestmark = pytest.mark.both_drivers


async def test_the_events_of_a_write_survive_a_crash_directly_after_it(mongo: Mongo, streams: EventStreams) -> None:
    """The relay of the first process publishes nothing. The relay of the next process finds all events."""
    collection, publisher = mongo.database["tickets"], Publisher(streams.broker)
    tickets = AggregateRepository(collection, Ticket, OutboxRelay(publisher, utc_now), utc_now)
    seller = UserId(new_id())
    ticket = Ticket.list_for_sale(seller=seller, title="First", price=1999)
    await tickets.add(ticket)
    for title in ("Second", "Third"):
        ticket.change_listing(by=seller, title=title, price=1999)
    await tickets.save(ticket)

    next_relay = OutboxRelay(publisher, utc_now)
    next_relay.add_collection(collection)
    await next_relay.poll()
    created, updated = await streams.published(TicketCreated), await streams.published(TicketUpdated)
    assert [(event.version, event.title) for event in created] == [(1, "First")]
    assert sorted((event.version, event.title) for event in updated) == [(2, "Second"), (3, "Third")]
