"""A buyer extends an order: over HTTP, and at the same moment as its deadline."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import httpx

from common.domain.ids import OrderId, PaymentId, TicketId, UserId, new_id
from common.events.orders import OrderCancelled, OrderExtended
from common.events.tickets import TicketCreated
from devkit.testing.events import EventStreams
from devkit.testing.problem_details import Refusal, refusal
from devkit.testing.running import RunningService, somebody
from devkit.testing.samples import listed_ticket, passed_deadline
from orders.consumers import CONSUMERS
from orders.order import CancelReason, Order, OrderNotOpen
from orders.service import OrderService

ALL = [consumer.name for consumer in CONSUMERS]


async def extend(client: httpx.AsyncClient, order_id: str) -> httpx.Response:
    return await client.post(f"/api/orders/{order_id}/extension")


async def reason_of(orders: OrderService, order: Order) -> CancelReason | None:
    return (await orders.get_order(OrderId(order.id), by=order.user_id)).cancel_reason


async def test_a_buyer_extends_an_order_as_often_as_the_platform_allows(
    streams: EventStreams, buying: httpx.AsyncClient, ticket: TicketCreated
) -> None:
    order = (await buying.post("/api/orders", json={"ticketId": ticket.id, "windowSeconds": 60})).json()
    assert (order["extensionsLeft"], order["cancelReason"]) == (3, None)
    due = datetime.fromisoformat(order["expiresAt"])
    for left in (2, 1, 0):
        due += timedelta(seconds=60)
        extended = await extend(buying, order["id"])
        assert extended.status_code == 200, extended.text
        seen = extended.json()
        assert seen == {**order, "expiresAt": seen["expiresAt"], "extensionsLeft": left, "version": 4 - left}
        assert datetime.fromisoformat(seen["expiresAt"]) == due
        assert (await buying.get(f"/api/orders/{order['id']}")).json() == seen
    assert refusal(await extend(buying, order["id"])) == Refusal(409, "no-extensions-left", [None])
    published = await streams.eventually_published(OrderExtended, 3)
    assert [(event.version, event.extensions_left) for event in published] == [(2, 2), (3, 1), (4, 0)]
    assert published[-1].expires_at == due


async def test_an_extension_needs_no_body_and_accepts_an_empty_one(
    buying: httpx.AsyncClient, orders: OrderService, buyer: UserId, ticket: TicketCreated
) -> None:
    order = await orders.place_order(TicketId(ticket.id), buyer=buyer)
    assert (await buying.post(f"/api/orders/{order.id}/extension", json={})).status_code == 200


async def test_a_closed_or_overdue_order_is_not_extended(
    running: RunningService, later: RunningService, buying: httpx.AsyncClient, buyer: UserId, ticket: TicketCreated
) -> None:
    orders: OrderService = running.use_cases
    not_open = Refusal(409, "order-not-open", [None])
    order = await orders.place_order(TicketId(ticket.id), buyer=buyer)
    assert refusal(await extend(later.client(buyer), order.id)) == not_open, "its time is over by this clock"
    await orders.cancel_order(OrderId(order.id), by=buyer)
    assert refusal(await extend(buying, order.id)) == not_open
    paid = await orders.place_order(TicketId(ticket.id), buyer=buyer)
    await orders.complete_order(OrderId(paid.id), PaymentId(new_id()))
    assert refusal(await extend(buying, paid.id)) == not_open


async def test_the_old_deadline_of_an_extended_order_has_no_effect(
    streams: EventStreams, orders: OrderService, buyer: UserId, ticket: TicketCreated
) -> None:
    """Expiration may publish it before it receives the event of the extension."""
    order = await orders.place_order(TicketId(ticket.id), buyer=buyer)
    extended = await orders.extend_order(OrderId(order.id), by=buyer)
    old, new = (passed_deadline(order.id, each.expires_at) for each in (order, extended))
    await streams.publish(old)
    await streams.eventually_quiet(*ALL)
    assert (await orders.get_order(OrderId(order.id), by=buyer)).is_open
    await streams.publish(new.model_copy(update={"version": 4}))
    (cancelled,) = await streams.eventually_published(OrderCancelled)
    assert (cancelled.version, cancelled.cancel_reason) == (3, "expired")


async def test_a_concurrent_extension_and_expiry_never_both_take_effect(
    streams: EventStreams, running: RunningService, orders: OrderService
) -> None:
    """At the old deadline, the order is either cancelled or extended, with one event for its second version."""
    ends: Counter[str] = Counter()
    for _ in range(25):
        ticket = listed_ticket()
        await orders.follow_ticket(ticket)
        order = await orders.place_order(TicketId(ticket.id), buyer=somebody())
        extended, expired = await asyncio.gather(
            orders.extend_order(OrderId(order.id), by=order.user_id),
            orders.expire_order(OrderId(order.id), deadline=order.expires_at),
            return_exceptions=True,
        )
        assert expired is None
        end = await orders.get_order(OrderId(order.id), by=order.user_id)
        assert end.version == 2
        assert end.is_open == isinstance(extended, Order)
        assert end.is_open or isinstance(extended, OrderNotOpen)
        ends[end.status.value] += 1
    await streams.eventually_relayed(running.collection("orders"))
    assert len(await streams.published(OrderExtended)) == ends["created"]
    assert len(await streams.published(OrderCancelled)) == ends["cancelled"]


async def test_the_next_buyer_replaces_an_extended_order_only_at_its_new_deadline(
    later: RunningService, orders: OrderService, buyer: UserId, ticket: TicketCreated
) -> None:
    order = await orders.place_order(TicketId(ticket.id), buyer=buyer)
    await orders.extend_order(OrderId(order.id), by=buyer)
    refused = await later.client(somebody()).post("/api/orders", json={"ticketId": ticket.id})
    assert refusal(refused) == Refusal(409, "ticket-not-available", [None])


async def test_a_cancelled_order_says_why(
    running: RunningService, later: RunningService, buying: httpx.AsyncClient, buyer: UserId, ticket: TicketCreated
) -> None:
    orders: OrderService = running.use_cases
    given_up = await orders.place_order(TicketId(ticket.id), buyer=buyer)
    await buying.delete(f"/api/orders/{given_up.id}")
    assert (await buying.get(f"/api/orders/{given_up.id}")).json()["cancelReason"] == "buyer"
    expired = await orders.place_order(TicketId(ticket.id), buyer=buyer)
    await orders.expire_order(OrderId(expired.id), deadline=expired.expires_at)
    assert await reason_of(orders, expired) is CancelReason.EXPIRED
    overdue = await orders.place_order(TicketId(ticket.id), buyer=buyer)
    assert (await later.client(somebody()).post("/api/orders", json={"ticketId": ticket.id})).status_code == 201
    assert await reason_of(orders, overdue) is CancelReason.EXPIRED
