"""What payments and expiries do to an order, for events in any order."""

import httpx

from common.domain.clock import utc_now
from common.domain.event import Event
from common.domain.ids import OrderId, TicketId, UserId, new_id
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated
from common.events.tickets import TicketCreated
from devkit.testing.events import EventStreams
from devkit.testing.running import RunningService, somebody
from devkit.testing.samples import captured_payment, passed_deadline
from orders.consumers import CONSUMERS
from orders.order import Order
from orders.service import OrderService

ALL = [consumer.name for consumer in CONSUMERS]


async def publish_in_order(streams: EventStreams, *events: Event) -> None:
    """Publish the events one after the other, each after the one before was handled. A known event is a duplicate."""
    for event in events:
        await streams.publish_again(event)
        await streams.eventually_quiet(*ALL)


async def placed_by(orders: OrderService, buyer: UserId, ticket: TicketCreated) -> Order:
    return await orders.place_order(TicketId(ticket.id), buyer=buyer)


async def look(orders: OrderService, order: Order) -> tuple[str, int]:
    """Status and version."""
    found = await orders.get_order(OrderId(order.id), by=order.user_id)
    return found.status.value, found.version


async def test_a_payment_completes_its_order_and_publishes_it(
    streams: EventStreams, orders: OrderService, buying: httpx.AsyncClient, buyer: UserId, ticket: TicketCreated
) -> None:
    order = await placed_by(orders, buyer, ticket)
    payment = captured_payment(order.id)
    await publish_in_order(streams, payment)
    seen = (await buying.get(f"/api/orders/{order.id}")).json()
    assert (seen["status"], seen["version"]) == ("completed", 2)
    (completed,) = await streams.eventually_published(OrderCompleted)
    assert (completed.id, completed.version, completed.payment_id) == (order.id, 2, payment.id)


async def test_an_expired_order_is_cancelled_and_its_ticket_can_be_ordered(
    streams: EventStreams, orders: OrderService, buying: httpx.AsyncClient, buyer: UserId, ticket: TicketCreated
) -> None:
    order = await placed_by(orders, somebody(), ticket)
    await publish_in_order(streams, passed_deadline(order.id, order.expires_at))
    assert await look(orders, order) == ("cancelled", 2)
    (cancelled,) = await streams.eventually_published(OrderCancelled)
    assert (cancelled.id, cancelled.version) == (order.id, 2)
    assert (await buying.post("/api/orders", json={"ticketId": ticket.id})).status_code == 201


async def test_a_deadline_that_passes_after_the_payment_has_no_effect(
    streams: EventStreams, orders: OrderService, buyer: UserId, ticket: TicketCreated
) -> None:
    order = await placed_by(orders, buyer, ticket)
    await publish_in_order(streams, captured_payment(order.id), passed_deadline(order.id, order.expires_at))
    assert await look(orders, order) == ("completed", 2)
    assert await streams.published(OrderCancelled) == []


async def test_a_payment_after_the_cancellation_leaves_the_order_cancelled(
    streams: EventStreams, orders: OrderService, buying: httpx.AsyncClient, buyer: UserId, ticket: TicketCreated
) -> None:
    order = await placed_by(orders, buyer, ticket)
    assert (await buying.delete(f"/api/orders/{order.id}")).status_code == 204
    await publish_in_order(streams, captured_payment(order.id), passed_deadline(order.id, order.expires_at))
    assert await look(orders, order) == ("cancelled", 2)
    assert await streams.published(OrderCompleted) == []
    assert await streams.dead_letters() == []


async def test_the_deadline_of_an_old_order_does_not_change_a_new_order_of_the_ticket(
    streams: EventStreams, orders: OrderService, ticket: TicketCreated
) -> None:
    first = await placed_by(orders, somebody(), ticket)
    await orders.cancel_order(OrderId(first.id), by=first.user_id)
    second = await placed_by(orders, somebody(), ticket)
    await publish_in_order(streams, passed_deadline(first.id, first.expires_at))
    assert await look(orders, second) == ("created", 1)
    assert await look(orders, first) == ("cancelled", 2)


async def test_duplicates_of_the_last_event_of_an_order_have_no_effect(
    streams: EventStreams, running: RunningService, orders: OrderService, ticket: TicketCreated
) -> None:
    expired = await placed_by(orders, somebody(), ticket)
    await publish_in_order(streams, passed_deadline(expired.id, expired.expires_at))
    paid = await placed_by(orders, somebody(), ticket)
    payment = captured_payment(paid.id)
    await publish_in_order(streams, payment, payment, passed_deadline(expired.id, expired.expires_at), payment)

    assert await look(orders, expired) == ("cancelled", 2)
    assert await look(orders, paid) == ("completed", 2)
    await streams.eventually_relayed(running.collection("orders"))
    assert [event.id for event in await streams.published(OrderCancelled)] == [expired.id]
    assert [event.id for event in await streams.published(OrderCompleted)] == [paid.id]
    assert [event.id for event in await streams.published(OrderCreated)] == [expired.id, paid.id]
    assert await streams.dead_letters() == []


async def test_an_event_of_an_unknown_order_becomes_a_dead_letter(
    streams: EventStreams, running: RunningService
) -> None:
    strays = [captured_payment(new_id()), passed_deadline(new_id(), utc_now())]
    await publish_in_order(streams, *strays)
    letters = await streams.dead_letters()
    assert {letter.headers["dead-letter-subject"] for letter in letters} == {stray.subject for stray in strays}
    assert all("does not exist" in letter.headers["dead-letter-reason"] for letter in letters)
    assert {letter.headers["dead-letter-deliveries"] for letter in letters} == {"1"}  # a repetition cannot help
