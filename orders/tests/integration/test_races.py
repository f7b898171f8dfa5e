"""Concurrent requests for one ticket or one order, on a real MongoDB."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack

import httpx
import pytest
from fastapi import FastAPI

from common.domain.clock import Clock, utc_now
from common.domain.ids import OrderId, PaymentId, TicketId, new_id
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated
from common.events.tickets import TicketCreated
from devkit.testing.events import EventStreams
from devkit.testing.running import RunningService, Surroundings, somebody
from devkit.testing.samples import listed_ticket
from orders.consumers import CONSUMERS
from orders.order import Order, OrderNotOpen
from orders.repository import TicketNotAvailable
from orders.service import OrderService

pytestmark = pytest.mark.both_drivers

BUYERS = 100


async def order_at_once(
    instances: Sequence[RunningService], ticket: TicketCreated, buyers: int
) -> list[httpx.Response]:
    clients = [instances[n % len(instances)].client(somebody()) for n in range(buyers)]
    return await asyncio.gather(*(client.post("/api/orders", json={"ticketId": ticket.id}) for client in clients))


def outcomes(answers: Sequence[httpx.Response]) -> Counter[str]:
    """How many answers there are of each kind: "created", or the type of the problem."""
    return Counter(
        "created" if answer.status_code == 201 else answer.json()["type"].rpartition(":")[2] for answer in answers
    )


async def status_of(orders: OrderService, order: Order) -> str:
    return (await orders.get_order(OrderId(order.id), by=order.user_id)).status.value


@pytest.fixture(params=[1, 2], ids=["one instance", "two instances"])
async def instances(
    request: pytest.FixtureRequest,
    surroundings: Surroundings,
    new_instance: Callable[[Clock], Callable[[], FastAPI]],
    running: RunningService,
) -> AsyncIterator[list[RunningService]]:
    """Instances that share one database."""
    async with AsyncExitStack() as stack:
        more = [surroundings.running(new_instance(utc_now), CONSUMERS) for _ in range(1, request.param)]
        yield [running, *[await stack.enter_async_context(another) for another in more]]


async def test_of_100_concurrent_buyers_one_gets_the_ticket_and_the_others_get_409(
    streams: EventStreams, running: RunningService, instances: list[RunningService], ticket: TicketCreated
) -> None:
    answers = await order_at_once(instances, ticket, BUYERS)
    assert outcomes(answers) == {"created": 1, "ticket-not-available": BUYERS - 1}

    (winner,) = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert await running.collection("orders").count_documents({}) == 1
    await streams.eventually_relayed(running.collection("orders"))
    assert [event.id for event in await streams.published(OrderCreated)] == [winner]


async def test_of_many_concurrent_buyers_one_replaces_an_overdue_order(
    streams: EventStreams, running: RunningService, later: RunningService, orders: OrderService, ticket: TicketCreated
) -> None:
    overdue = await orders.place_order(TicketId(ticket.id), buyer=somebody())
    answers = await order_at_once([later], ticket, 50)
    found = outcomes(answers)
    assert found["created"] == 1
    assert set(found) <= {"created", "ticket-not-available", "lost-race"}
    assert await status_of(orders, overdue) == "cancelled"
    await streams.eventually_relayed(running.collection("orders"))
    assert [event.id for event in await streams.published(OrderCancelled)] == [overdue.id]
    assert len(await streams.published(OrderCreated)) == 2


async def test_a_payment_and_the_next_buyer_never_both_get_the_ticket(
    streams: EventStreams, running: RunningService, later: RunningService, orders: OrderService
) -> None:
    later_orders: OrderService = later.use_cases
    ends: Counter[tuple[str, bool]] = Counter()
    for _ in range(25):
        ticket = listed_ticket()
        await orders.follow_ticket(ticket)
        first = await orders.place_order(TicketId(ticket.id), buyer=somebody())
        _, second = await asyncio.gather(
            orders.complete_order(OrderId(first.id), PaymentId(new_id())),
            later_orders.place_order(TicketId(ticket.id), buyer=somebody()),
            return_exceptions=True,
        )
        got_it = not isinstance(second, TicketNotAvailable)
        assert not got_it or isinstance(second, Order)
        ends[await status_of(orders, first), got_it] += 1
    assert set(ends) <= {("completed", False), ("cancelled", True)}
    await streams.eventually_relayed(running.collection("orders"))
    assert len(await streams.published(OrderCompleted)) == ends["completed", False]
    assert len(await streams.published(OrderCancelled)) == ends["cancelled", True]


async def test_a_concurrent_payment_expiry_and_cancellation_end_the_order_once(
    streams: EventStreams, running: RunningService, orders: OrderService
) -> None:
    ends: Counter[str] = Counter()
    for _ in range(25):
        ticket = listed_ticket()
        await orders.follow_ticket(ticket)
        order = await orders.place_order(TicketId(ticket.id), buyer=somebody())
        paid, expired, cancelled = await asyncio.gather(
            orders.complete_order(OrderId(order.id), PaymentId(new_id())),
            orders.expire_order(OrderId(order.id), deadline=order.expires_at),
            orders.cancel_order(OrderId(order.id), by=order.user_id),
            return_exceptions=True,
        )
        assert (paid, expired) == (None, None)
        assert cancelled is None or isinstance(cancelled, OrderNotOpen)
        end = await orders.get_order(OrderId(order.id), by=order.user_id)
        assert end.version == 2
        ends[end.status.value] += 1
    assert set(ends) <= {"completed", "cancelled"}
    await streams.eventually_relayed(running.collection("orders"))
    assert len(await streams.published(OrderCompleted)) == ends["completed"]
    assert len(await streams.published(OrderCancelled)) == ends["cancelled"]
