"""Which order holds a ticket, for events in any order and for duplicates."""

import asyncio
from itertools import permutations

import httpx
import pytest

from common.domain.ids import TicketId, new_id
from common.events.orders import OrderEvent
from common.events.tickets import TicketUpdated
from devkit.testing.events import EventStreams
from devkit.testing.running import RunningService
from devkit.testing.samples import order_events
from tickets.consumers import CONSUMERS
from tickets.service import TicketService
from tickets.ticket import Ticket

ALL = [consumer.name for consumer in CONSUMERS]


async def publish_in_order(streams: EventStreams, *events: OrderEvent) -> None:
    """Publish the events one after the other, each after the one before was handled. A known event is a duplicate.

    Otherwise three consumers would handle them concurrently, in an order that the test does not choose.
    """
    for event in events:
        await streams.publish_again(event)
        await streams.eventually_quiet(*ALL)


async def look(tickets: TicketService, ticket: Ticket) -> tuple[str | None, int]:
    """Holder and version."""
    found = await tickets.get_ticket(TicketId(ticket.id))
    return found.order_id, found.version


async def test_an_order_holds_its_ticket_and_the_change_is_published(
    streams: EventStreams, tickets: TicketService, anybody: httpx.AsyncClient, ticket: Ticket
) -> None:
    created, _, _ = order_events(ticket.id)
    await publish_in_order(streams, created)
    seen = (await anybody.get(f"/api/tickets/{ticket.id}")).json()
    assert (seen["orderId"], seen["version"]) == (created.id, 2)
    assert (await anybody.get("/api/tickets")).json()["tickets"] == []
    (updated,) = await streams.eventually_published(TicketUpdated)
    assert (updated.id, updated.order_id, updated.version) == (ticket.id, created.id, 2)


async def test_a_cancelled_order_releases_its_ticket(
    streams: EventStreams, tickets: TicketService, anybody: httpx.AsyncClient, ticket: Ticket
) -> None:
    created, cancelled, _ = order_events(ticket.id)
    await publish_in_order(streams, created, cancelled)
    assert await look(tickets, ticket) == (None, 3)
    assert [t["id"] for t in (await anybody.get("/api/tickets")).json()["tickets"]] == [ticket.id]
    updates = await streams.eventually_published(TicketUpdated, 2)
    assert [(update.order_id, update.version) for update in updates] == [(created.id, 2), (None, 3)]


async def test_a_cancellation_handled_before_its_order_leaves_the_ticket_free(
    streams: EventStreams, tickets: TicketService, ticket: Ticket
) -> None:
    created, cancelled, _ = order_events(ticket.id)
    await publish_in_order(streams, cancelled, created)
    assert await look(tickets, ticket) == (None, 1)


async def test_a_late_cancellation_of_one_order_does_not_release_another(
    streams: EventStreams, tickets: TicketService, ticket: Ticket
) -> None:
    a_created, a_cancelled, _ = order_events(ticket.id)
    b_created, _, _ = order_events(ticket.id)
    await publish_in_order(streams, a_created, a_cancelled, b_created)
    assert await look(tickets, ticket) == (b_created.id, 4)
    await publish_in_order(streams, a_cancelled)
    assert await look(tickets, ticket) == (b_created.id, 4)


async def test_an_order_handled_before_the_last_cancellation_gets_the_ticket_after_it(
    streams: EventStreams, tickets: TicketService, ticket: Ticket
) -> None:
    a_created, a_cancelled, _ = order_events(ticket.id)
    b_created, _, _ = order_events(ticket.id)
    await publish_in_order(streams, a_created, b_created)
    assert await look(tickets, ticket) == (a_created.id, 2)
    await publish_in_order(streams, a_cancelled)
    assert await look(tickets, ticket) == (b_created.id, 3)


@pytest.mark.parametrize("twice", [False, True], ids=["each once", "each twice"])
async def test_the_same_events_in_any_order_end_in_the_same_state(
    streams: EventStreams, tickets: TicketService, ticket: Ticket, *, twice: bool
) -> None:
    stories: list[list[OrderEvent]] = []
    expected: dict[str, str] = {}
    for order in permutations(range(3)):
        listed = await tickets.list_ticket(seller=ticket.user_id, title="Concert", price=1999)
        a_created, a_cancelled, _ = order_events(listed.id)
        b_created, _, _ = order_events(listed.id)
        events: list[OrderEvent] = [(a_created, a_cancelled, b_created)[index] for index in order]
        stories.append([*events, *events] if twice else events)
        expected[listed.id] = b_created.id

    for step in zip(*stories, strict=True):  # the stories are about different tickets, so they may run concurrently
        await asyncio.gather(*(streams.publish_again(event) for event in step))
        await streams.eventually_quiet(*ALL)
    assert {t: (await tickets.get_ticket(TicketId(t))).order_id for t in expected} == expected


async def test_a_sold_ticket_stays_sold(
    streams: EventStreams, tickets: TicketService, selling: httpx.AsyncClient, ticket: Ticket
) -> None:
    created, _, completed = order_events(ticket.id)
    await publish_in_order(streams, created, completed, created, completed)
    assert await look(tickets, ticket) == (created.id, 2)
    assert (await selling.get("/api/tickets")).json()["tickets"] == []
    changed = await selling.put(f"/api/tickets/{ticket.id}", json={"title": "Opera", "price": 25})
    assert changed.status_code == 409


async def test_a_completion_handled_before_its_order_still_sells_the_ticket(
    streams: EventStreams, tickets: TicketService, ticket: Ticket
) -> None:
    created, _, completed = order_events(ticket.id)
    await publish_in_order(streams, completed, created)
    assert await look(tickets, ticket) == (created.id, 2)


@pytest.mark.parametrize("ending", ["created", "cancelled", "completed"])
async def test_duplicates_and_older_events_have_no_effect(
    streams: EventStreams, running: RunningService, tickets: TicketService, ticket: Ticket, ending: str
) -> None:
    created, cancelled, completed = order_events(ticket.id)
    histories: dict[str, list[OrderEvent]] = {
        "created": [created],
        "cancelled": [created, cancelled],
        "completed": [created, completed],
    }
    history = histories[ending]
    await publish_in_order(streams, *history)
    before = await look(tickets, ticket)
    updates = await streams.eventually_published(TicketUpdated, before[1] - 1)

    await publish_in_order(streams, *history, *reversed(history))
    assert await look(tickets, ticket) == before
    await streams.eventually_relayed(running.collection("tickets"))
    assert await streams.published(TicketUpdated) == updates
    assert await streams.dead_letters() == []


async def test_a_redelivery_completes_an_interrupted_handler(
    streams: EventStreams, tickets: TicketService, ticket: Ticket
) -> None:
    created, cancelled, _ = order_events(ticket.id)
    await tickets._orders.apply(created)  # the handler died here, before it wrote the ticket
    await publish_in_order(streams, created)
    assert await look(tickets, ticket) == (created.id, 2)
    await tickets._orders.apply(cancelled)
    await publish_in_order(streams, cancelled)
    assert await look(tickets, ticket) == (None, 3)


async def test_an_order_for_an_unknown_ticket_becomes_a_dead_letter(streams: EventStreams, ticket: Ticket) -> None:
    stray, _, _ = order_events(new_id())
    await publish_in_order(streams, stray)
    (letter,) = await streams.dead_letters()
    assert letter.headers["dead-letter-subject"] == stray.subject
    assert stray.ticket.id in letter.headers["dead-letter-reason"]
    assert letter.headers["dead-letter-deliveries"] == "1"  # a repetition cannot help
