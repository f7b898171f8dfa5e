"""Concurrent changes of one ticket, on a real MongoDB."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import cycle, permutations

import httpx
import pytest

from common.domain.clock import utc_now
from common.domain.ids import OrderId, TicketId, UserId
from common.events.tickets import TicketUpdated
from devkit.testing.events import EventStreams
from devkit.testing.running import RunningService
from devkit.testing.samples import order_events
from tickets.consumers import CONSUMERS
from tickets.order_read_model import OrderReadModelRepository
from tickets.service import TicketService
from tickets.ticket import Ticket

pytestmark = pytest.mark.both_drivers

ALL = [consumer.name for consumer in CONSUMERS]


async def test_no_concurrent_change_is_lost(
    streams: EventStreams,
    running: RunningService,
    second_instance: RunningService,
    tickets: TicketService,
    ticket: Ticket,
) -> None:
    clients = [running.client(ticket.user_id), second_instance.client(ticket.user_id)]
    answers = await asyncio.gather(
        *(
            clients[n % 2].put(f"/api/tickets/{ticket.id}", json={"title": f"Title {n}", "price": n + 1})
            for n in range(30)
        )
    )
    done = {a.json()["version"]: a.json() for a in answers if a.status_code == 200}
    lost = [a.json()["type"].rpartition(":")[2] for a in answers if a.status_code != 200]
    assert lost == ["lost-race"] * (30 - len(done))  # so no two changes made the same version
    assert sorted(done) == list(range(2, len(done) + 2))

    last = await tickets.get_ticket(TicketId(ticket.id))
    assert (last.version, last.title) == (len(done) + 1, done[len(done) + 1]["title"])
    events = await streams.eventually_published(TicketUpdated, len(done))
    assert {event.version: event.title for event in events} == {v: body["title"] for v, body in done.items()}


async def test_of_a_concurrent_change_and_hold_both_happen_or_the_change_is_refused(
    streams: EventStreams, tickets: TicketService, selling: httpx.AsyncClient, ticket: Ticket, seller: UserId
) -> None:
    listed = [await tickets.list_ticket(seller=seller, title="Before", price=100) for _ in range(40)]
    orders = [order_events(each.id)[0] for each in listed]

    async def change(each: Ticket) -> int:
        return (await selling.put(f"/api/tickets/{each.id}", json={"title": "After", "price": 2})).status_code

    # The hold calls the use case: an event would nearly always arrive after the request.
    pairs = await asyncio.gather(
        *(asyncio.gather(change(each), tickets.follow_order(order)) for each, order in zip(listed, orders, strict=True))
    )
    for each, order, (status, _) in zip(listed, orders, pairs, strict=True):
        now = await tickets.get_ticket(TicketId(each.id))
        assert (status, now.title, now.version) in [(200, "After", 3), (409, "Before", 2)]
        assert now.order_id == order.id


async def test_two_instances_that_handle_events_concurrently_find_the_right_holder(
    streams: EventStreams,
    running: RunningService,
    second_instance: RunningService,
    tickets: TicketService,
    seller: UserId,
) -> None:
    expected, events = {}, []
    for _, order in zip(range(40), cycle(permutations(range(3))), strict=False):
        ticket = await tickets.list_ticket(seller=seller, title="Concert", price=1999)
        a_created, a_cancelled, _ = order_events(ticket.id)
        b_created, _, _ = order_events(ticket.id)
        expected[ticket.id] = b_created.id
        events += [(a_created, a_cancelled, b_created)[index] for index in order]

    await asyncio.gather(*(streams.publish(event) for event in events))
    await streams.eventually_quiet(*ALL)
    assert {t: (await tickets.get_ticket(TicketId(t))).order_id for t in expected} == expected
    assert await streams.dead_letters() == []


class Interrupted(OrderReadModelRepository):
    """Runs `meanwhile` directly after the read that decides who holds the ticket, before that is written."""

    def __init__(self, read_models: OrderReadModelRepository, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__(read_models.collection)
        self._meanwhile: Callable[[], Awaitable[None]] | None = meanwhile

    async def is_live(self, order_id: OrderId) -> bool:
        live = await super().is_live(order_id)
        if live:  # this read decides; otherwise live_order_of does
            await self._interrupt_once()
        return live

    async def live_order_of(self, ticket_id: TicketId) -> OrderId | None:
        live = await super().live_order_of(ticket_id)
        await self._interrupt_once()
        return live

    async def _interrupt_once(self) -> None:
        if self._meanwhile is not None:
            meanwhile, self._meanwhile = self._meanwhile, None
            await meanwhile()


async def test_an_order_cancelled_before_its_hold_is_written_does_not_keep_the_ticket(
    streams: EventStreams, tickets: TicketService, ticket: Ticket
) -> None:
    created, cancelled, _ = order_events(ticket.id)
    # The cancellation finds the ticket still free, so it does nothing: the writer of the hold has to read again.
    interrupted = TicketService(
        tickets._tickets, Interrupted(tickets._orders, lambda: tickets.follow_order(cancelled)), utc_now
    )
    await interrupted.follow_order(created)
    held, freed = await streams.eventually_published(TicketUpdated, 2)
    assert (held.order_id, freed.order_id) == (created.id, None)
    assert (await tickets.get_ticket(TicketId(ticket.id))).order_id is None


async def test_a_release_is_not_written_after_another_order_got_the_ticket(
    streams: EventStreams, running: RunningService, tickets: TicketService, ticket: Ticket
) -> None:
    a_created, a_cancelled, _ = order_events(ticket.id)
    b_created, _, _ = order_events(ticket.id)
    await tickets.follow_order(a_created)
    interrupted = TicketService(
        tickets._tickets, Interrupted(tickets._orders, lambda: tickets.follow_order(b_created)), utc_now
    )
    await interrupted.follow_order(a_cancelled)
    await streams.eventually_relayed(running.collection("tickets"))
    # The ticket was never free in between: its seller could have changed it after the second order.
    assert [event.order_id for event in await streams.published(TicketUpdated)] == [a_created.id, b_created.id]
