"""Which order holds a ticket, in whatever order the events arrive."""

from itertools import permutations

import pytest
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated
from common.events.tickets import TicketCreated, TicketUpdated
from common.testing.events import EventStreams
from common.testing.eventually import eventually
from common.testing.samples import order_events
from tickets.consumers import CONSUMERS
from tickets.service import TicketService
from tickets.ticket import Ticket

ALL = [consumer.name for consumer in CONSUMERS]


async def holder_of(tickets: TicketService, ticket: Ticket) -> str | None:
    return (await tickets.get_ticket(ticket.id)).order_id


async def test_an_order_holds_its_ticket_and_everybody_hears_of_it(
    streams: EventStreams, tickets: TicketService, ticket: Ticket
) -> None:
    created, _, _ = order_events(ticket.id)
    await streams.publish(created)
    await eventually(
        lambda: holder_of(tickets, ticket), until=lambda holder: holder == created.id, what="the hold of the order"
    )
    (updated,) = await streams.eventually_published(TicketUpdated)
    assert (updated.order_id, updated.version) == (created.id, 2)
    assert len(await streams.eventually_published(TicketCreated)) == 1
