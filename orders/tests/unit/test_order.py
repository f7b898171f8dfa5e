"""The order aggregate: its transitions and their events."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from common.domain.ids import PaymentId, TicketId, UserId, new_id
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated, OrderedTicket
from orders.order import NotTheBuyer, Order, OrderNotOpen, OrderStatus

BUYER = UserId(new_id())
PAYMENT = PaymentId(new_id())
TICKET = OrderedTicket(id=TicketId(new_id()), title="Concert", price=1999)
DEADLINE = datetime(2026, 11, 24, 12, 15, tzinfo=UTC)
A_MOMENT = timedelta(milliseconds=1)


@pytest.fixture
def order() -> Order:
    """An order that is placed and stored."""
    order = Order.place(buyer=BUYER, ticket=TICKET, expires_at=DEADLINE)
    order.mark_stored()
    return order


def test_a_placed_order_is_open_and_its_event_has_its_whole_state() -> None:
    order = Order.place(buyer=BUYER, ticket=TICKET, expires_at=DEADLINE)
    assert (order.status, order.version, order.stored_version) == (OrderStatus.CREATED, 1, 0)
    assert order.recorded == [
        OrderCreated(
            id=order.id, version=1, status=OrderStatus.CREATED, user_id=BUYER, expires_at=DEADLINE, ticket=TICKET
        )
    ]


def test_an_open_order_can_be_cancelled(order: Order) -> None:
    order.cancel()
    assert (order.status, order.version, order.stored_version) == (OrderStatus.CANCELLED, 2, 1)
    assert order.recorded == [
        OrderCancelled(
            id=order.id, version=2, status=OrderStatus.CANCELLED, user_id=BUYER, expires_at=DEADLINE, ticket=TICKET
        )
    ]


def test_an_open_order_can_be_completed_by_a_payment(order: Order) -> None:
    order.complete(PAYMENT)
    assert (order.status, order.version, order.payment_id) == (OrderStatus.COMPLETED, 2, PAYMENT)
    assert order.recorded == [
        OrderCompleted(
            id=order.id,
            version=2,
            status=OrderStatus.COMPLETED,
            user_id=BUYER,
            expires_at=DEADLINE,
            ticket=TICKET,
            payment_id=PAYMENT,
        )
    ]


@pytest.mark.parametrize("first", [Order.cancel, lambda order: order.complete(PAYMENT)], ids=["cancelled", "completed"])
@pytest.mark.parametrize("then", [Order.cancel, lambda order: order.complete(PAYMENT)], ids=["cancel", "complete"])
def test_cancelled_and_completed_are_final(
    order: Order, first: Callable[[Order], None], then: Callable[[Order], None]
) -> None:
    first(order)
    order.mark_stored()
    before = order.to_document()
    with pytest.raises(OrderNotOpen, match="which is final"):
        then(order)
    assert (order.to_document(), order.recorded) == (before, [])


def test_an_open_order_is_overdue_from_its_deadline_on(order: Order) -> None:
    moments = (DEADLINE - A_MOMENT, DEADLINE, DEADLINE + A_MOMENT)
    assert [order.is_overdue(now) for now in moments] == [False, True, True]


def test_an_order_that_is_final_is_never_overdue(order: Order) -> None:
    order.complete(PAYMENT)
    assert not order.is_overdue(DEADLINE + A_MOMENT)


def test_only_its_buyer_can_see_or_cancel_an_order(order: Order) -> None:
    order.check_buyer(BUYER)
    with pytest.raises(NotTheBuyer):
        order.check_buyer(UserId(new_id()))


@pytest.mark.parametrize(("status", "live"), [("created", True), ("completed", True), ("cancelled", False)])
def test_open_and_completed_orders_are_live(status: str, live: bool) -> None:
    assert OrderStatus(status).is_live is live


def test_an_order_read_from_its_document_is_unchanged(order: Order) -> None:
    order.complete(PAYMENT)
    again = Order.from_document(order.to_document())
    assert again.to_document() == order.to_document()
    assert (again.stored_version, again.recorded) == (2, [])
