"""What orders does with a withdrawn ticket, one request or event at a time, on a database in memory."""

from datetime import UTC, datetime, timedelta

import pytest

from common.domain.errors import NotFound
from common.domain.ids import OrderId, PaymentId, TicketId, UserId, new_id
from common.domain.requested import RequestKey
from common.events.tickets import TicketCreated
from common.messaging.timeline import TimelineReader
from devkit.testing.clock import SettableClock
from devkit.testing.in_memory import idle_relay, in_memory_database, unconnected_broker
from devkit.testing.samples import changed_ticket, listed_ticket, withdrawn_ticket
from orders.order import CancelReason, Hold, Order, OrderStatus
from orders.repository import OrderRepository
from orders.service import OrderService
from orders.ticket_read_model import TicketReadModelRepository

WINDOW = timedelta(minutes=15)
BUYER = UserId(new_id())
PAYMENT = PaymentId(new_id())


@pytest.fixture
async def orders() -> OrderService:
    database, clock = in_memory_database("orders"), SettableClock(stands_at=datetime(2026, 11, 24, 12, tzinfo=UTC))
    repository = OrderRepository(database["orders"], idle_relay(), clock)
    await repository.create_indexes()
    tickets = TicketReadModelRepository(database["ticket_replicas"])
    return OrderService(repository, tickets, TimelineReader(unconnected_broker()), clock, Hold(WINDOW, extensions=2))


@pytest.fixture
async def ticket(orders: OrderService) -> TicketCreated:
    ticket = listed_ticket()
    await orders.follow_ticket(ticket)
    return ticket


async def look(orders: OrderService, order: Order) -> tuple[OrderStatus, str | None, int]:
    found = await orders.get_order(OrderId(order.id), by=order.user_id)
    return found.status, found.cancel_reason, found.version


async def test_a_withdrawn_ticket_cannot_be_ordered_whatever_arrives_later(
    orders: OrderService, ticket: TicketCreated
) -> None:
    await orders.cancel_order_of_withdrawn_ticket(withdrawn_ticket(ticket, 3))
    for older in (ticket, changed_ticket(ticket, 2)):
        await orders.follow_ticket(older)
        with pytest.raises(NotFound) as refused:
            await orders.place_order(TicketId(ticket.id), buyer=BUYER)
        assert refused.value.argument == "ticket_id"
    assert await orders._orders.collection.count_documents({}) == 0


async def test_the_open_order_of_a_withdrawn_ticket_is_cancelled_once(
    orders: OrderService, ticket: TicketCreated
) -> None:
    order = await orders.place_order(TicketId(ticket.id), buyer=BUYER)
    withdrawn = withdrawn_ticket(ticket, 2)
    for event in (withdrawn, withdrawn, withdrawn_ticket(ticket, 3, order_id=order.id), withdrawn):
        await orders.cancel_order_of_withdrawn_ticket(event)
        assert await look(orders, order) == (OrderStatus.CANCELLED, CancelReason.WITHDRAWN, 2)


async def test_a_redelivered_withdrawal_cancels_although_the_copy_is_stored(
    orders: OrderService, ticket: TicketCreated
) -> None:
    """The handler died after it had stored the copy."""
    order = await orders.place_order(TicketId(ticket.id), buyer=BUYER)
    withdrawn = withdrawn_ticket(ticket, 2)
    await orders._tickets.apply(withdrawn)
    await orders.cancel_order_of_withdrawn_ticket(withdrawn)
    assert await look(orders, order) == (OrderStatus.CANCELLED, CancelReason.WITHDRAWN, 2)


async def test_the_sale_of_a_withdrawn_ticket_stands_if_it_came_first(
    orders: OrderService, ticket: TicketCreated
) -> None:
    order = await orders.place_order(TicketId(ticket.id), buyer=BUYER)
    await orders.complete_order(OrderId(order.id), PAYMENT)
    await orders.cancel_order_of_withdrawn_ticket(withdrawn_ticket(ticket, 2))
    assert await look(orders, order) == (OrderStatus.COMPLETED, None, 2)


async def test_a_payment_after_the_withdrawal_leaves_the_order_cancelled(
    orders: OrderService, ticket: TicketCreated
) -> None:
    order = await orders.place_order(TicketId(ticket.id), buyer=BUYER)
    await orders.cancel_order_of_withdrawn_ticket(withdrawn_ticket(ticket, 2))
    await orders.complete_order(OrderId(order.id), PAYMENT)
    assert await look(orders, order) == (OrderStatus.CANCELLED, CancelReason.WITHDRAWN, 2)


async def test_a_repeated_request_finds_its_order_although_the_ticket_is_withdrawn(
    orders: OrderService, ticket: TicketCreated
) -> None:
    request = RequestKey("key", "its body")
    order = await orders.place_order(TicketId(ticket.id), buyer=BUYER, request_key=request)
    await orders.cancel_order_of_withdrawn_ticket(withdrawn_ticket(ticket, 2))
    again = await orders.place_order(TicketId(ticket.id), buyer=BUYER, request_key=request)
    assert (again.id, again.cancel_reason) == (order.id, CancelReason.WITHDRAWN)


async def test_a_copy_of_an_older_version_is_not_withdrawn(orders: OrderService, ticket: TicketCreated) -> None:
    await orders._tickets.collection.update_one({"_id": ticket.id}, {"$unset": {"withdrawn": 1}})
    assert (await orders.place_order(TicketId(ticket.id), buyer=BUYER)).is_open


async def test_an_order_says_why_it_was_cancelled(orders: OrderService, ticket: TicketCreated) -> None:
    first = await orders.place_order(TicketId(ticket.id), buyer=BUYER)
    await orders.cancel_order(OrderId(first.id), by=BUYER)
    second = await orders.place_order(TicketId(ticket.id), buyer=BUYER)
    await orders.expire_order(OrderId(second.id), deadline=second.expires_at)
    assert (await look(orders, first))[1] == CancelReason.BUYER
    assert (await look(orders, second))[1] == CancelReason.EXPIRED
