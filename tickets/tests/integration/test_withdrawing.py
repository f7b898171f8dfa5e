"""Sellers withdraw tickets, also while orders arrive, on real servers."""

import asyncio

import httpx
import pytest

from common.domain.ids import TicketId, UserId
from common.events.tickets import TicketUpdated, TicketWithdrawn
from devkit.testing.events import EventStreams
from devkit.testing.problem_details import Refusal, refusal
from devkit.testing.running import RunningService
from devkit.testing.samples import order_events
from tickets.consumers import CONSUMERS
from tickets.service import TicketService
from tickets.ticket import Ticket

pytestmark = pytest.mark.both_drivers

ALL = [consumer.name for consumer in CONSUMERS]
LISTING = {"title": "Opera", "price": 25}


async def test_a_withdrawn_ticket_is_gone_and_its_event_is_published_once(
    streams: EventStreams, running: RunningService, selling: httpx.AsyncClient, ticket: Ticket
) -> None:
    path, not_found = f"/api/tickets/{ticket.id}", Refusal(404, "not-found", [None])
    for _ in range(2):
        answer = await selling.delete(path)
        assert (answer.status_code, answer.content) == (204, b"")
    assert refusal(await selling.get(path)) == not_found
    assert refusal(await selling.put(path, json=LISTING)) == not_found
    assert (await selling.get("/api/tickets")).json() == {"tickets": [], "nextCursor": None}
    await streams.eventually_relayed(running.collection("tickets"))
    (withdrawn,) = await streams.published(TicketWithdrawn)
    assert (withdrawn.id, withdrawn.version, withdrawn.title, withdrawn.order_id) == (ticket.id, 2, "Concert", None)


async def test_withdrawn_tickets_leave_no_gaps_between_the_pages(
    tickets: TicketService, selling: httpx.AsyncClient, seller: UserId
) -> None:
    listed = [await tickets.list_ticket(seller=seller, title=f"Seat {n}", price=100) for n in range(6)]
    for each in listed[1::2]:
        await selling.delete(f"/api/tickets/{each.id}")
    first = (await selling.get("/api/tickets", params={"limit": 2})).json()
    second = (await selling.get("/api/tickets", params={"limit": 2, "cursor": first["nextCursor"]})).json()
    assert [[each["title"] for each in page["tickets"]] for page in (first, second)] == [
        ["Seat 4", "Seat 2"],
        ["Seat 0"],
    ]


async def test_an_order_of_a_withdrawn_ticket_makes_tickets_publish_it_again(
    streams: EventStreams, selling: httpx.AsyncClient, ticket: Ticket
) -> None:
    """So orders cancels also an order that it has stored after it had handled the first event."""
    await selling.delete(f"/api/tickets/{ticket.id}")
    created, cancelled, _ = order_events(ticket.id)
    for event in (created, cancelled):
        await streams.publish(event)
        await streams.eventually_quiet(*ALL)
        assert (await selling.delete(f"/api/tickets/{ticket.id}")).status_code == 204
    withdrawn = await streams.eventually_published(TicketWithdrawn, 3)
    assert [(each.version, each.order_id) for each in withdrawn] == [(2, None), (3, created.id), (4, None)]
    assert await streams.dead_letters() == []


async def test_a_withdrawn_ticket_whose_buyer_had_paid_is_sold(
    streams: EventStreams, selling: httpx.AsyncClient, ticket: Ticket
) -> None:
    await selling.delete(f"/api/tickets/{ticket.id}")
    created, _, completed = order_events(ticket.id)
    await streams.publish(created, completed)
    await streams.eventually_quiet(*ALL)
    seen = (await selling.get(f"/api/tickets/{ticket.id}")).json()
    assert seen["orderId"] == completed.id
    assert refusal(await selling.delete(f"/api/tickets/{ticket.id}")) == Refusal(409, "ticket-held", [None])
    (sold,) = await streams.eventually_published(TicketUpdated)
    assert (sold.version, sold.order_id) == (seen["version"], completed.id)


async def test_of_a_concurrent_withdrawal_and_hold_both_happen_or_the_first_is_refused(
    running: RunningService, second_instance: RunningService, tickets: TicketService, seller: UserId
) -> None:
    other: TicketService = second_instance.use_cases
    listed = [await tickets.list_ticket(seller=seller, title="Concert", price=100) for _ in range(40)]
    stories = [order_events(each.id) for each in listed]
    selling = running.client(seller)

    async def withdraw(each: Ticket) -> int:
        return (await selling.delete(f"/api/tickets/{each.id}")).status_code

    # The hold calls the use case: an event would nearly always arrive after the request.
    pairs = await asyncio.gather(
        *(asyncio.gather(withdraw(each), other.follow_order(s[0])) for each, s in zip(listed, stories, strict=True))
    )
    for each, (created, _, completed), (status, _) in zip(listed, stories, pairs, strict=True):
        now = await tickets._tickets.find(each.id)
        assert now is not None
        assert (status, now.withdrawn, now.version) in [(204, True, 3), (409, False, 2)]
        assert now.order_id == created.id
        await asyncio.gather(tickets.follow_order(completed), other.follow_order(completed))
        sold = await tickets.get_ticket(TicketId(each.id))
        assert (sold.order_id, sold.version) == (created.id, now.version + now.withdrawn)


async def test_concurrent_withdrawals_of_one_ticket_are_one(
    streams: EventStreams, running: RunningService, second_instance: RunningService, ticket: Ticket
) -> None:
    clients = [running.client(ticket.user_id), second_instance.client(ticket.user_id)]
    answers = await asyncio.gather(*(clients[n % 2].delete(f"/api/tickets/{ticket.id}") for n in range(20)))
    assert [answer.status_code for answer in answers] == [204] * 20
    await streams.eventually_relayed(running.collection("tickets"))
    assert len(await streams.published(TicketWithdrawn)) == 1
