"""Withdrawals and requests for one ticket at the same time, on real servers, with two instances of orders."""

import asyncio
from collections import Counter

import httpx
import pytest

from common.domain.ids import OrderId, PaymentId, TicketId, new_id
from common.events.orders import OrderCancelled, OrderCompleted
from common.events.tickets import TicketCreated
from devkit.testing.events import EventStreams
from devkit.testing.interception import InterceptedCollection, Operation
from devkit.testing.problem_details import Refusal, refusal
from devkit.testing.running import RunningService, somebody
from devkit.testing.samples import listed_ticket, withdrawn_ticket
from orders.consumers import CONSUMERS
from orders.service import OrderService

pytestmark = pytest.mark.both_drivers

ALL = [consumer.name for consumer in CONSUMERS]


async def test_a_withdrawal_cancels_the_order_and_the_ticket_is_not_found(
    streams: EventStreams, orders: OrderService, buying: httpx.AsyncClient, ticket: TicketCreated
) -> None:
    placed = (await buying.post("/api/orders", json={"ticketId": ticket.id})).json()
    await streams.publish(withdrawn_ticket(ticket, 2))
    await streams.eventually_quiet(*ALL)
    (cancelled,) = await streams.eventually_published(OrderCancelled)
    assert (cancelled.id, cancelled.version, cancelled.cancel_reason) == (placed["id"], 2, "withdrawn")
    again = await buying.post("/api/orders", json={"ticketId": ticket.id})
    assert refusal(again) == Refusal(404, "not-found", ["ticketId"])
    assert await streams.dead_letters() == []


async def test_an_order_stored_after_the_withdrawal_was_handled_is_cancelled_when_tickets_hears_of_it(
    streams: EventStreams, running: RunningService, later: RunningService, orders: OrderService, ticket: TicketCreated
) -> None:
    """One instance reads its copy of the ticket; the other handles the withdrawal; the first stores its order."""
    withdrawing: OrderService = later.use_cases
    placing: OrderService = running.use_cases

    async def withdrawn_before_the_insert(name: str, operation: Operation) -> object:
        if name == "insert_one":
            await withdrawing.cancel_order_of_withdrawn_ticket(withdrawn_ticket(ticket, 2))
        return await operation()

    bare = placing._orders.collection
    placing._orders.collection = InterceptedCollection(bare, withdrawn_before_the_insert)
    order = await placing.place_order(TicketId(ticket.id), buyer=somebody())
    placing._orders.collection = bare
    assert order.is_open

    # Tickets receives order.created, and publishes that the ticket, which this order holds, is withdrawn.
    await streams.publish(withdrawn_ticket(ticket, 3, order_id=order.id))
    await streams.eventually_quiet(*ALL)
    (cancelled,) = await streams.eventually_published(OrderCancelled)
    assert (cancelled.id, cancelled.cancel_reason) == (order.id, "withdrawn")


async def test_a_concurrent_payment_and_withdrawal_end_the_order_once(
    streams: EventStreams, running: RunningService, later: RunningService, orders: OrderService
) -> None:
    other: OrderService = later.use_cases
    ends: Counter[str] = Counter()
    for _ in range(25):
        ticket = listed_ticket()
        await orders.follow_ticket(ticket)
        order = await orders.place_order(TicketId(ticket.id), buyer=somebody())
        withdrawn = withdrawn_ticket(ticket, 2)
        await asyncio.gather(
            orders.complete_order(OrderId(order.id), PaymentId(new_id())),
            other.cancel_order_of_withdrawn_ticket(withdrawn),
            orders.cancel_order_of_withdrawn_ticket(withdrawn),
        )
        end = await orders.get_order(OrderId(order.id), by=order.user_id)
        assert (end.version, end.cancel_reason) == (2, None if end.status == "completed" else "withdrawn")
        ends[end.status.value] += 1
    assert set(ends) <= {"completed", "cancelled"}
    await streams.eventually_relayed(running.collection("orders"))
    assert len(await streams.published(OrderCompleted)) == ends["completed"]
    assert len(await streams.published(OrderCancelled)) == ends["cancelled"]
