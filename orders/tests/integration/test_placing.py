"""Placing, cancelling and reading orders, over HTTP."""

import asyncio
from datetime import datetime, timedelta

import httpx

from common.domain.clock import utc_now
from common.domain.ids import TicketId, UserId
from common.events.orders import OrderCancelled, OrderCreated
from common.events.tickets import TicketCreated
from devkit.testing.events import EventStreams
from devkit.testing.running import RunningService, somebody
from devkit.testing.samples import changed_ticket, listed_ticket
from orders.consumers import CONSUMERS
from orders.service import OrderService

ALL = [consumer.name for consumer in CONSUMERS]


async def test_a_placed_order_can_be_seen_by_its_buyer(
    buying: httpx.AsyncClient, buyer: UserId, ticket: TicketCreated
) -> None:
    before = utc_now()
    placed = await buying.post("/api/orders", json={"ticketId": ticket.id})
    assert placed.status_code == 201
    order = placed.json()
    assert order == {
        "id": order["id"],
        "status": "created",
        "userId": buyer,
        "expiresAt": order["expiresAt"],
        "extensionsLeft": 3,
        "cancelReason": None,
        "ticket": {"id": ticket.id, "title": "Concert", "price": 19.99},
        "version": 1,
    }
    window = timedelta(minutes=15)
    assert before + window <= datetime.fromisoformat(order["expiresAt"]) <= utc_now() + window

    seen = await buying.get(f"/api/orders/{order['id']}")
    assert (seen.status_code, seen.json()) == (200, order)
    mine = await buying.get("/api/orders")
    assert (mine.status_code, mine.json()) == (200, {"orders": [order], "nextCursor": None})


async def test_a_buyer_may_ask_for_a_shorter_window(buying: httpx.AsyncClient, ticket: TicketCreated) -> None:
    before = utc_now()
    order = (await buying.post("/api/orders", json={"ticketId": ticket.id, "windowSeconds": 3})).json()
    window = timedelta(seconds=3)
    assert before + window <= datetime.fromisoformat(order["expiresAt"]) <= utc_now() + window


async def test_the_default_and_the_longest_window_are_the_platforms_own(
    buying: httpx.AsyncClient, orders: OrderService
) -> None:
    for window in (None, 900):
        ticket = listed_ticket()
        await orders.follow_ticket(ticket)
        placed = await buying.post("/api/orders", json={"ticketId": ticket.id, "windowSeconds": window})
        assert placed.status_code == 201
        assert datetime.fromisoformat(placed.json()["expiresAt"]) > utc_now() + timedelta(minutes=14)


async def test_a_buyer_pays_the_price_at_the_time_of_the_order(
    streams: EventStreams, buying: httpx.AsyncClient, ticket: TicketCreated
) -> None:
    await streams.publish(changed_ticket(ticket, 2, title="Opera", price=2500))
    await streams.eventually_quiet(*ALL)
    order = (await buying.post("/api/orders", json={"ticketId": ticket.id})).json()
    ordered = {"id": ticket.id, "title": "Opera", "price": 25}
    assert order["ticket"] == ordered

    await streams.publish(changed_ticket(ticket, 3, title="Ballet", price=9900))
    await streams.eventually_quiet(*ALL)
    assert (await buying.get(f"/api/orders/{order['id']}")).json()["ticket"] == ordered


async def test_a_ticket_can_be_ordered_immediately_after_it_is_listed(
    streams: EventStreams, buying: httpx.AsyncClient
) -> None:
    ticket = listed_ticket()

    async def list_it() -> None:
        await streams.publish(ticket)

    placed, _ = await asyncio.gather(buying.post("/api/orders", json={"ticketId": ticket.id}), list_it())
    assert placed.status_code == 201
    assert placed.json()["ticket"]["id"] == ticket.id


async def test_a_cancelled_order_frees_its_ticket(
    streams: EventStreams, running: RunningService, buying: httpx.AsyncClient, ticket: TicketCreated
) -> None:
    order = (await buying.post("/api/orders", json={"ticketId": ticket.id})).json()
    given_up = await buying.delete(f"/api/orders/{order['id']}")
    assert (given_up.status_code, given_up.content) == (204, b"")
    now = (await buying.get(f"/api/orders/{order['id']}")).json()
    assert now == {**order, "status": "cancelled", "cancelReason": "buyer", "version": 2}

    again = await running.client(somebody()).post("/api/orders", json={"ticketId": ticket.id})
    assert again.status_code == 201
    (cancelled,) = await streams.eventually_published(OrderCancelled)
    assert (cancelled.id, cancelled.version) == (order["id"], 2)
    assert {o.id for o in await streams.eventually_published(OrderCreated, 2)} == {order["id"], again.json()["id"]}


async def test_the_next_buyer_replaces_an_overdue_order_even_without_expiration(
    streams: EventStreams, running: RunningService, later: RunningService, buying: httpx.AsyncClient
) -> None:
    ticket = listed_ticket()
    await running.use_cases.follow_ticket(ticket)
    order = (await buying.post("/api/orders", json={"ticketId": ticket.id})).json()
    other = somebody()
    assert (await running.client(other).post("/api/orders", json={"ticketId": ticket.id})).status_code == 409
    assert (await buying.get(f"/api/orders/{order['id']}")).json() == order

    placed = await later.client(other).post("/api/orders", json={"ticketId": ticket.id})
    assert placed.status_code == 201
    assert (await buying.get(f"/api/orders/{order['id']}")).json()["status"] == "cancelled"
    (cancelled,) = await streams.eventually_published(OrderCancelled)
    assert cancelled.id == order["id"]
    assert [o.id for o in await streams.eventually_published(OrderCreated, 2)] == [order["id"], placed.json()["id"]]


async def test_the_orders_of_a_buyer_are_paged_newest_first_without_gaps(
    running: RunningService, orders: OrderService, buying: httpx.AsyncClient, buyer: UserId
) -> None:
    placed = []
    for n in range(50):
        ticket = listed_ticket()
        await orders.follow_ticket(ticket)
        mine = n % 2 == 0
        order = await orders.place_order(TicketId(ticket.id), buyer=buyer if mine else somebody())
        placed += [order.id] if mine else []

    for limit, sizes in ((10, [10, 10, 5]), (25, [25]), (24, [24, 1])):
        pages: list[list[str]] = []
        cursor: dict[str, str] | None = {}
        while cursor is not None:
            answer = (await buying.get("/api/orders", params={"limit": str(limit)} | cursor)).json()
            pages.append([order["id"] for order in answer["orders"]])
            cursor = {"cursor": answer["nextCursor"]} if answer["nextCursor"] else None
        assert [len(page) for page in pages] == sizes
        assert [order_id for page in pages for order_id in page] == placed[::-1]
    assert len((await buying.get("/api/orders")).json()["orders"]) == 20
    assert (await running.client(somebody()).get("/api/orders")).json() == {"orders": [], "nextCursor": None}
