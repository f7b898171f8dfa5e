"""A withdrawn ticket, whose orders' events arrive in any order: nobody holds it, unless its buyer has paid."""

from itertools import permutations

import pytest

from common.domain.clock import utc_now
from common.domain.errors import NotFound
from common.domain.ids import TicketId, UserId, new_id
from common.events.orders import OrderEvent
from devkit.testing.in_memory import idle_relay, in_memory_database
from devkit.testing.samples import order_events
from tickets.order_read_model import OrderReadModelRepository
from tickets.repository import TicketRepository
from tickets.service import TicketService
from tickets.ticket import Ticket, TicketHeld

SELLER = UserId(new_id())


@pytest.fixture
def tickets() -> TicketService:
    database = in_memory_database("tickets")
    repository = TicketRepository(database["tickets"], idle_relay(), utc_now)
    return TicketService(repository, OrderReadModelRepository(database["order_replicas"]), utc_now)


@pytest.fixture
async def ticket(tickets: TicketService) -> Ticket:
    return await tickets.list_ticket(seller=SELLER, title="Concert", price=1999)


async def is_withdrawn(tickets: TicketService, ticket: Ticket) -> bool:
    """Withdraw the ticket. Return False if this is refused because an order holds the ticket."""
    try:
        await tickets.withdraw_ticket(TicketId(ticket.id), by=SELLER)
    except TicketHeld:
        return False
    return True


async def stored(tickets: TicketService, ticket: Ticket) -> Ticket:
    found = await tickets._tickets.find(ticket.id)
    assert found is not None
    return found


async def published(tickets: TicketService, ticket: Ticket) -> list[str]:
    document = await tickets._tickets.collection.find_one({"_id": ticket.id})
    assert document is not None
    return [staged["subject"].removesuffix(f".{ticket.id}") for staged in document["outbox"]]


async def test_a_withdrawn_ticket_is_not_found_and_not_for_sale(tickets: TicketService, ticket: Ticket) -> None:
    other = await tickets.list_ticket(seller=SELLER, title="Opera", price=1999)
    for _ in range(2):
        await tickets.withdraw_ticket(TicketId(ticket.id), by=SELLER)
    with pytest.raises(NotFound):
        await tickets.get_ticket(TicketId(ticket.id))
    with pytest.raises(NotFound):
        await tickets.change_listing(TicketId(ticket.id), by=SELLER, title="Opera", price=2500)
    assert await tickets.list_for_sale(before=None, limit=10) == ([other], None)
    assert await published(tickets, ticket) == ["ticket.created", "ticket.withdrawn"]


async def test_a_document_of_an_older_version_is_still_for_sale(tickets: TicketService, ticket: Ticket) -> None:
    await tickets._tickets.collection.update_one({"_id": ticket.id}, {"$unset": {"withdrawn": 1}})
    assert await tickets.list_for_sale(before=None, limit=10) == ([ticket], None)


async def test_a_withdrawn_ticket_publishes_this_again_while_an_order_comes_and_goes(
    tickets: TicketService, ticket: Ticket
) -> None:
    created, cancelled, _ = order_events(ticket.id)
    assert await is_withdrawn(tickets, ticket)
    await tickets.follow_order(created)
    assert await is_withdrawn(tickets, ticket)
    await tickets.follow_order(cancelled)
    assert await published(tickets, ticket) == ["ticket.created", *["ticket.withdrawn"] * 3]


@pytest.mark.parametrize("ends", ["cancelled", "completed", "cancelled, then another completed"])
async def test_in_any_order_of_events_a_withdrawn_ticket_ends_free_or_sold(tickets: TicketService, ends: str) -> None:
    """All orders of the withdrawal and the events of the orders; of one order, also with an event twice anywhere."""
    number = {"cancelled": 2, "completed": 2}.get(ends, 4)
    for twice in (None, 0, 1) if number == 2 else (None,):
        for sequence in set(permutations([*range(number), "withdraw", *([] if twice is None else [twice])])):
            ticket = await tickets.list_ticket(seller=SELLER, title="Concert", price=1999)
            a_created, a_cancelled, a_completed = order_events(ticket.id)
            b_created, _, b_completed = order_events(ticket.id)
            events: list[OrderEvent] = {
                "cancelled": [a_created, a_cancelled],
                "completed": [a_created, a_completed],
            }.get(ends, [a_created, a_cancelled, b_created, b_completed])
            accepted = False
            for step in sequence:
                if isinstance(step, int):
                    await tickets.follow_order(events[step])
                else:
                    accepted = await is_withdrawn(tickets, ticket)
            end = await stored(tickets, ticket)
            sold_to = None if ends == "cancelled" else events[-1].id
            assert (end.order_id, end.withdrawn) == (sold_to, accepted and sold_to is None), sequence
            facts = await published(tickets, ticket)
            since = facts[facts.index("ticket.withdrawn") :] if accepted else []
            sold = ["ticket.updated"] if accepted and sold_to else []
            assert since == ["ticket.withdrawn"] * (len(since) - len(sold)) + sold, sequence
