"""The use cases of tickets, one request or event at a time, on a database in memory."""

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from common.domain.errors import BadInput, NotFound, PermanentFailure
from common.domain.ids import TicketId, UserId, new_id
from common.domain.zoned_time import zoned_time
from common.events.orders import OrderEvent
from devkit.testing.clock import SettableClock
from devkit.testing.in_memory import idle_relay, in_memory_database
from devkit.testing.samples import order_events
from tickets.order_read_model import OrderReadModelRepository
from tickets.repository import TicketRepository
from tickets.service import TicketService
from tickets.ticket import Details, NotTheSeller, Ticket, TicketHeld

SELLER = UserId(new_id())


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(stands_at=datetime(2026, 11, 24, 12, tzinfo=UTC))


@pytest.fixture
def tickets(clock: SettableClock) -> TicketService:
    database = in_memory_database("tickets")
    repository = TicketRepository(database["tickets"], idle_relay(), clock)
    return TicketService(repository, OrderReadModelRepository(database["order_replicas"]), clock)


@pytest.fixture
async def ticket(tickets: TicketService) -> Ticket:
    return await tickets.list_ticket(seller=SELLER, title="Concert", price=1999)


async def outbox_of(tickets: TicketService, ticket: Ticket) -> list[dict[str, Any]]:
    document = await tickets._tickets.collection.find_one({"_id": ticket.id})
    assert document is not None
    outbox: list[dict[str, Any]] = document["outbox"]
    return outbox


async def test_a_ticket_and_the_event_of_its_listing_are_one_document(tickets: TicketService, ticket: Ticket) -> None:
    (staged,) = await outbox_of(tickets, ticket)
    assert (staged["id"], staged["subject"]) == (f"ticket-{ticket.id}-1", f"ticket.created.{ticket.id}")
    assert await tickets.get_ticket(TicketId(ticket.id)) == ticket


async def test_a_change_adds_its_event_in_the_same_write(tickets: TicketService, ticket: Ticket) -> None:
    changed = await tickets.change_listing(TicketId(ticket.id), by=SELLER, title="Opera", price=2500)
    assert await tickets.get_ticket(TicketId(ticket.id)) == changed
    assert [staged["id"] for staged in await outbox_of(tickets, ticket)] == [
        f"ticket-{ticket.id}-1",
        f"ticket-{ticket.id}-2",
    ]


@pytest.mark.parametrize(
    "starts_at", ["2026-11-24T12:00:00Z", "2026-11-24T12:59:59+01:00", "2025-11-24T23:00:00-12:00"]
)
async def test_an_event_that_has_begun_is_not_offered(tickets: TicketService, ticket: Ticket, starts_at: str) -> None:
    details = Details(starts_at=zoned_time(starts_at))
    with pytest.raises(BadInput, match="must be in the future") as refused:
        await tickets.list_ticket(seller=SELLER, title="Concert", price=1999, details=details)
    assert refused.value.argument == "starts_at"
    with pytest.raises(BadInput, match="must be in the future"):
        await tickets.change_listing(TicketId(ticket.id), by=SELLER, title="Opera", price=2500, details=details)
    assert await tickets.get_ticket(TicketId(ticket.id)) == ticket
    assert await tickets._tickets.collection.count_documents({}) == 1


async def test_a_ticket_leaves_the_sale_at_the_moment_when_its_event_begins(
    tickets: TicketService, ticket: Ticket, clock: SettableClock
) -> None:
    details = Details(starts_at=zoned_time("2026-11-24T13:00:01+01:00"))
    soon = await tickets.list_ticket(seller=SELLER, title="Concert", price=1999, details=details)
    assert await tickets.list_for_sale(before=None, limit=2) == ([soon, ticket], None)
    clock.stands_at = datetime(2026, 11, 24, 12, 0, 1, tzinfo=UTC)
    assert await tickets.list_for_sale(before=None, limit=1) == ([], soon.id)
    assert await tickets.list_for_sale(before=soon.id, limit=1) == ([ticket], None)


async def test_an_event_that_begins_in_a_moment_is_offered(tickets: TicketService) -> None:
    details = Details(starts_at=zoned_time("2026-11-24T13:00:01+01:00"))
    ticket = await tickets.list_ticket(seller=SELLER, title="Concert", price=1999, details=details)
    assert ticket.starts_at == "2026-11-24T13:00:01+01:00"


async def test_a_refused_change_writes_nothing(tickets: TicketService, ticket: Ticket) -> None:
    with pytest.raises(NotTheSeller):
        await tickets.change_listing(TicketId(ticket.id), by=UserId(new_id()), title="Opera", price=2500)
    assert await tickets.get_ticket(TicketId(ticket.id)) == ticket
    assert len(await outbox_of(tickets, ticket)) == 1


async def test_a_ticket_that_was_never_listed_is_not_found(tickets: TicketService) -> None:
    with pytest.raises(NotFound):
        await tickets.get_ticket(TicketId(new_id()))
    with pytest.raises(NotFound):
        await tickets.change_listing(TicketId(new_id()), by=SELLER, title="Opera", price=2500)


async def test_an_order_for_an_unknown_ticket_is_a_permanent_failure(tickets: TicketService) -> None:
    created, _, _ = order_events(new_id())
    with pytest.raises(PermanentFailure, match=created.ticket.id):
        await tickets.follow_order(created)


async def test_a_held_ticket_can_be_changed_once_its_order_is_cancelled(tickets: TicketService, ticket: Ticket) -> None:
    created, cancelled, _ = order_events(ticket.id)
    await tickets.follow_order(created)
    with pytest.raises(TicketHeld):
        await tickets.change_listing(TicketId(ticket.id), by=SELLER, title="Opera", price=2500)
    await tickets.follow_order(cancelled)
    changed = await tickets.change_listing(TicketId(ticket.id), by=SELLER, title="Opera", price=2500)
    assert (changed.title, changed.order_id, changed.version) == ("Opera", None, 4)


async def test_in_any_order_of_events_the_live_order_holds_the_ticket(tickets: TicketService) -> None:
    """All orders of (A created, A cancelled, B created), each also with one of the three delivered twice anywhere."""
    seen = {}
    for twice in (None, 0, 1, 2):
        for sequence in set(permutations([0, 1, 2] if twice is None else [0, 1, 2, twice])):
            ticket = await tickets.list_ticket(seller=SELLER, title="Concert", price=1999)
            a_created, a_cancelled, _ = order_events(ticket.id)
            b_created, _, _ = order_events(ticket.id)
            events: list[OrderEvent] = [a_created, a_cancelled, b_created]
            for index in sequence:
                await tickets.follow_order(events[index])
            holder = (await tickets.get_ticket(TicketId(ticket.id))).order_id
            seen[sequence] = {a_created.id: "A", b_created.id: "B"}.get(holder or "", "nobody")
    assert len(seen) == 6 + 3 * 12
    assert seen == dict.fromkeys(seen, "B")


async def test_of_two_apparently_live_orders_the_present_holder_keeps_the_ticket(
    tickets: TicketService, ticket: Ticket
) -> None:
    a_created, _, _ = order_events(ticket.id)
    b_created, b_cancelled, _ = order_events(ticket.id)
    await tickets.follow_order(b_created)
    await tickets.follow_order(a_created)
    assert (await tickets.get_ticket(TicketId(ticket.id))).order_id == b_created.id
    await tickets.follow_order(b_cancelled)
    assert (await tickets.get_ticket(TicketId(ticket.id))).order_id == a_created.id


async def test_a_sold_ticket_stays_with_the_order_that_bought_it(tickets: TicketService, ticket: Ticket) -> None:
    created, _, completed = order_events(ticket.id)
    for event in (completed, created, completed):
        await tickets.follow_order(event)
    sold = await tickets.get_ticket(TicketId(ticket.id))
    assert (sold.order_id, sold.version) == (created.id, 2)
