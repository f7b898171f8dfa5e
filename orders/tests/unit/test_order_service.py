"""The use cases of orders, one request or event at a time, on a database in memory."""

from datetime import UTC, datetime, timedelta

import pytest

from common.domain.clock import utc_now
from common.domain.errors import BadInput, NotFound, PermanentFailure
from common.domain.ids import OrderId, PaymentId, TicketId, UserId, new_id
from common.events.tickets import TicketCreated
from common.messaging.timeline import TimelineReader
from devkit.testing.clock import SettableClock
from devkit.testing.in_memory import idle_relay, in_memory_database, unconnected_broker
from devkit.testing.samples import listed_ticket
from orders.order import Hold, NotTheBuyer, Order, OrderNotOpen, OrderStatus
from orders.repository import AlreadyOrdered, OrderRepository, TicketNotAvailable
from orders.service import EventOver, OrderService, OwnTicket
from orders.ticket_read_model import TicketReadModelRepository

WINDOW = timedelta(minutes=15)
BUYER = UserId(new_id())
OTHER = UserId(new_id())
PAYMENT = PaymentId(new_id())


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(stands_at=datetime(2026, 11, 24, 12, tzinfo=UTC))


@pytest.fixture
async def orders(clock: SettableClock) -> OrderService:
    database = in_memory_database("orders")
    repository = OrderRepository(database["orders"], idle_relay(), clock)
    await repository.create_indexes()
    tickets = TicketReadModelRepository(database["ticket_replicas"])
    return OrderService(repository, tickets, TimelineReader(unconnected_broker()), clock, Hold(WINDOW, extensions=2))


@pytest.fixture
async def ticket(orders: OrderService) -> TicketCreated:
    ticket = listed_ticket()
    await orders.follow_ticket(ticket)
    return ticket


@pytest.fixture
async def order(orders: OrderService, ticket: TicketCreated) -> Order:
    return await orders.place_order(TicketId(ticket.id), buyer=BUYER)


async def outbox_of(orders: OrderService, order: Order) -> list[str]:
    document = await orders._orders.collection.find_one({"_id": order.id})
    assert document is not None
    return [staged["id"] for staged in document["outbox"]]


async def status_of(orders: OrderService, order: Order) -> OrderStatus:
    return (await orders.get_order(OrderId(order.id), by=order.user_id)).status


async def test_an_order_and_its_event_are_one_document(
    orders: OrderService, clock: SettableClock, ticket: TicketCreated, order: Order
) -> None:
    assert (order.ticket.title, order.ticket.price) == (ticket.title, ticket.price)
    assert order.ticket.version == ticket.version
    assert order.expires_at == clock() + WINDOW
    assert await orders.get_order(OrderId(order.id), by=BUYER) == order
    assert await outbox_of(orders, order) == [f"order-{order.id}-1"]


async def test_a_buyer_may_ask_for_a_shorter_window_but_not_for_a_longer_one(
    orders: OrderService, clock: SettableClock, ticket: TicketCreated
) -> None:
    with pytest.raises(BadInput, match="at most 900") as refused:
        await orders.place_order(TicketId(ticket.id), buyer=BUYER, window_seconds=int(WINDOW.total_seconds()) + 1)
    assert refused.value.argument == "window_seconds"
    order = await orders.place_order(TicketId(ticket.id), buyer=BUYER, window_seconds=3)
    assert order.expires_at == clock() + timedelta(seconds=3)


async def test_a_buyer_may_ask_for_the_whole_window(
    orders: OrderService, clock: SettableClock, ticket: TicketCreated
) -> None:
    order = await orders.place_order(TicketId(ticket.id), buyer=BUYER, window_seconds=int(WINDOW.total_seconds()))
    assert order.expires_at == clock() + WINDOW


async def test_a_seller_cannot_order_their_own_ticket(orders: OrderService, ticket: TicketCreated) -> None:
    with pytest.raises(OwnTicket):
        await orders.place_order(TicketId(ticket.id), buyer=ticket.user_id)
    assert await orders._orders.collection.count_documents({}) == 0


async def test_a_ticket_is_off_sale_from_the_moment_when_its_event_begins(
    orders: OrderService, clock: SettableClock
) -> None:
    ticket = listed_ticket(starts_at="2026-11-24T13:15:00+01:00")  # a quarter of an hour after `clock`
    await orders.follow_ticket(ticket)
    clock.move_on(timedelta(minutes=15))
    with pytest.raises(EventOver):
        await orders.place_order(TicketId(ticket.id), buyer=BUYER)
    assert await orders._orders.collection.count_documents({}) == 0

    clock.move_on(-timedelta(milliseconds=1))
    assert (await orders.place_order(TicketId(ticket.id), buyer=BUYER)).ticket.id == ticket.id


@pytest.mark.parametrize("starts_at", ["2020-05-01T20:00:00", "next week", ""])
async def test_a_start_that_orders_cannot_read_does_not_prevent_an_order(orders: OrderService, starts_at: str) -> None:
    """A newer version of tickets may have sent it."""
    ticket = listed_ticket(starts_at=starts_at)
    await orders.follow_ticket(ticket)
    assert (await orders.place_order(TicketId(ticket.id), buyer=BUYER)).ticket.id == ticket.id


async def test_a_ticket_is_ordered_once_even_by_the_same_buyer(
    orders: OrderService, ticket: TicketCreated, order: Order
) -> None:
    for buyer, refusal in ((BUYER, AlreadyOrdered), (OTHER, TicketNotAvailable)):
        with pytest.raises(refusal):
            await orders.place_order(TicketId(ticket.id), buyer=buyer)
    assert await orders._orders.collection.count_documents({}) == 1


async def test_a_sold_ticket_is_not_ordered_even_after_the_deadline(
    orders: OrderService, clock: SettableClock, ticket: TicketCreated, order: Order
) -> None:
    await orders.complete_order(OrderId(order.id), PAYMENT)
    clock.stands_at = order.expires_at + WINDOW
    with pytest.raises(TicketNotAvailable):
        await orders.place_order(TicketId(ticket.id), buyer=OTHER)
    assert await status_of(orders, order) is OrderStatus.COMPLETED


async def test_an_order_is_replaced_at_its_deadline_and_not_before(
    orders: OrderService, clock: SettableClock, ticket: TicketCreated, order: Order
) -> None:
    clock.stands_at = order.expires_at - timedelta(milliseconds=1)
    with pytest.raises(TicketNotAvailable):
        await orders.place_order(TicketId(ticket.id), buyer=OTHER)
    assert await status_of(orders, order) is OrderStatus.CREATED

    clock.stands_at = order.expires_at
    after = await orders.place_order(TicketId(ticket.id), buyer=OTHER)
    assert await status_of(orders, order) is OrderStatus.CANCELLED
    assert await outbox_of(orders, order) == [f"order-{order.id}-1", f"order-{order.id}-2"]
    assert (after.version, after.expires_at) == (1, clock() + WINDOW)
    assert await outbox_of(orders, after) == [f"order-{after.id}-1"]


async def test_the_ticket_of_a_cancelled_order_can_be_ordered_again(
    orders: OrderService, ticket: TicketCreated, order: Order
) -> None:
    await orders.cancel_order(OrderId(order.id), by=BUYER)
    assert await status_of(orders, await orders.place_order(TicketId(ticket.id), buyer=OTHER)) is OrderStatus.CREATED


async def test_no_other_user_sees_or_cancels_an_order(orders: OrderService, order: Order) -> None:
    with pytest.raises(NotTheBuyer):
        await orders.get_order(OrderId(order.id), by=OTHER)
    with pytest.raises(NotTheBuyer):
        await orders.cancel_order(OrderId(order.id), by=OTHER)
    assert await status_of(orders, order) is OrderStatus.CREATED


async def test_an_unknown_order_is_not_found_or_for_an_event_a_permanent_failure(
    orders: OrderService,
) -> None:
    unknown = OrderId(new_id())
    with pytest.raises(NotFound):
        await orders.get_order(unknown, by=BUYER)
    with pytest.raises(NotFound):
        await orders.cancel_order(unknown, by=BUYER)
    with pytest.raises(PermanentFailure, match=unknown):
        await orders.complete_order(unknown, PAYMENT)
    with pytest.raises(PermanentFailure, match=unknown):
        await orders.expire_order(unknown, deadline=utc_now())


async def test_a_payment_completes_an_order_once(orders: OrderService, order: Order) -> None:
    await orders.complete_order(OrderId(order.id), PAYMENT)
    await orders.complete_order(OrderId(order.id), PAYMENT)
    completed = await orders.get_order(OrderId(order.id), by=BUYER)
    assert (completed.status, completed.payment_id, completed.version) == (OrderStatus.COMPLETED, PAYMENT, 2)
    with pytest.raises(OrderNotOpen):
        await orders.cancel_order(OrderId(order.id), by=BUYER)


async def test_events_after_the_end_of_an_order_have_no_effect(
    orders: OrderService, ticket: TicketCreated, order: Order
) -> None:
    await orders.expire_order(OrderId(order.id), deadline=order.expires_at)
    await orders.complete_order(OrderId(order.id), PAYMENT)
    await orders.expire_order(OrderId(order.id), deadline=order.expires_at)
    cancelled = await orders.get_order(OrderId(order.id), by=BUYER)
    assert (cancelled.status, cancelled.payment_id, cancelled.version) == (OrderStatus.CANCELLED, None, 2)
    assert cancelled.late_payment_id == PAYMENT  # kept for the timeline, which shows its refund

    paid = await orders.place_order(TicketId(ticket.id), buyer=OTHER)
    await orders.complete_order(OrderId(paid.id), PAYMENT)
    await orders.expire_order(OrderId(paid.id), deadline=paid.expires_at)
    assert await status_of(orders, paid) is OrderStatus.COMPLETED
    assert await outbox_of(orders, paid) == [f"order-{paid.id}-1", f"order-{paid.id}-2"]
