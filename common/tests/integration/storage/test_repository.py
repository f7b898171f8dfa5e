"""Aggregates in MongoDB: a change and its events are one write."""

from datetime import timedelta

import pytest

from common.domain.clock import utc_now
from common.domain.ids import OrderId, UserId, new_id
from common.events.tickets import TicketCreated, TicketUpdated
from common.messaging.outbox_relay import OutboxRelay
from common.messaging.publisher import Publisher
from common.storage.mongo import Mongo
from common.storage.repository import AggregateRepository
from devkit.testing.events import EventStreams
from devkit.testing.in_memory import idle_relay
from payments.payment import Payment
from payments.repository import PaymentRepository
from tickets.ticket import Ticket

pytestmark = pytest.mark.both_drivers


async def test_the_events_of_a_write_survive_a_crash_directly_after_it(mongo: Mongo, streams: EventStreams) -> None:
    """The relay of the first process publishes nothing. The relay of the next process finds all events."""
    collection, publisher = mongo.database["tickets"], Publisher(streams.broker)
    tickets = AggregateRepository(collection, Ticket, OutboxRelay(publisher), utc_now)
    seller = UserId(new_id())
    ticket = Ticket.list_for_sale(seller=seller, title="First", price=1999)
    await tickets.add(ticket)
    for title in ("Second", "Third"):
        ticket.change_listing(by=seller, title=title, price=1999)
    await tickets.save(ticket)

    next_relay = OutboxRelay(publisher)
    next_relay.add_collection(collection)
    await next_relay.poll()
    created, updated = await streams.published(TicketCreated), await streams.published(TicketUpdated)
    assert [(event.version, event.title) for event in created] == [(1, "First")]
    assert sorted((event.version, event.title) for event in updated) == [(2, "Second"), (3, "Third")]


async def test_all_aggregates_are_read_once_in_pages(mongo: Mongo) -> None:
    """Several have the same time, so that the end of a page comes between two of them."""
    payments = PaymentRepository(mongo.database["payments"], idle_relay(), utc_now)
    now = utc_now()
    begun = [now - timedelta(seconds=number // 3) for number in range(10)]
    for time in begun:
        await payments.add(
            Payment.begin(order_id=OrderId(new_id()), buyer=UserId(new_id()), amount=1, token="tok_visa", now=time)
        )
    pages = [page async for page in payments.find_all({}, sort_by="begun_at", page=4)]
    assert [len(page) for page in pages] == [4, 4, 2]
    assert [payment.begun_at for page in pages for payment in page] == sorted(begun)
    assert len({payment.id for page in pages for payment in page}) == 10
