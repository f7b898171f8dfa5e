"""The order aggregate: its transitions and their events."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from common.domain.ids import PaymentId, TicketId, UserId, new_id
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated, OrderedTicket, OrderExtended
from orders.order import CancelReason, Hold, NoExtensionsLeft, NotTheBuyer, Order, OrderNotOpen, OrderStatus

BUYER = UserId(new_id())
PAYMENT = PaymentId(new_id())
TICKET = OrderedTicket(id=TicketId(new_id()), title="Concert", price=1999)
DEADLINE = datetime(2026, 11, 24, 12, 15, tzinfo=UTC)
WINDOW = timedelta(minutes=10)
A_MOMENT = timedelta(milliseconds=1)


def cancel(order: Order) -> None:
    order.cancel(CancelReason.BUYER)


@pytest.fixture
def order() -> Order:
    """An order that is placed and stored."""
    order = Order.place(buyer=BUYER, ticket=TICKET, expires_at=DEADLINE, hold=Hold(WINDOW, extensions=2))
    order.mark_stored()
    return order


def test_a_placed_order_is_open_and_its_event_has_its_whole_state() -> None:
    order = Order.place(buyer=BUYER, ticket=TICKET, expires_at=DEADLINE, hold=Hold(WINDOW, extensions=2))
    assert (order.status, order.version, order.stored_version) == (OrderStatus.CREATED, 1, 0)
    assert order.recorded == [
        OrderCreated(
            id=order.id,
            version=1,
            status=OrderStatus.CREATED,
            user_id=BUYER,
            expires_at=DEADLINE,
            ticket=TICKET,
            extensions_left=2,
        )
    ]


def test_an_open_order_can_be_cancelled(order: Order) -> None:
    order.cancel(CancelReason.BUYER)
    assert (order.status, order.version, order.stored_version) == (OrderStatus.CANCELLED, 2, 1)
    assert order.recorded == [
        OrderCancelled(
            id=order.id,
            version=2,
            status=OrderStatus.CANCELLED,
            user_id=BUYER,
            expires_at=DEADLINE,
            ticket=TICKET,
            extensions_left=2,
            cancel_reason="buyer",
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
            extensions_left=2,
        )
    ]


def test_each_extension_adds_the_window_of_the_order_until_none_is_left(order: Order) -> None:
    for left in (1, 0):
        order.extend(order.expires_at - A_MOMENT, default_window=timedelta(days=1))
        assert (order.is_open, order.extensions_left) == (True, left)
        assert order.current_event() == order.recorded[-1]
    assert [(type(event), event.version, event.expires_at) for event in order.recorded] == [
        (OrderExtended, 2, DEADLINE + WINDOW),
        (OrderExtended, 3, DEADLINE + 2 * WINDOW),
    ]
    with pytest.raises(NoExtensionsLeft):
        order.extend(DEADLINE, default_window=WINDOW)
    assert (order.version, order.expires_at) == (3, DEADLINE + 2 * WINDOW)


def test_an_order_is_not_extended_from_its_deadline_on(order: Order) -> None:
    for now in (DEADLINE, DEADLINE + A_MOMENT):
        with pytest.raises(OrderNotOpen, match="is over"):
            order.extend(now, default_window=WINDOW)
    assert (order.version, order.expires_at, order.recorded) == (1, DEADLINE, [])


@pytest.mark.parametrize("close", [cancel, lambda order: order.complete(PAYMENT)], ids=["cancelled", "completed"])
def test_a_final_order_is_not_extended(order: Order, close: Callable[[Order], None]) -> None:
    close(order)
    with pytest.raises(OrderNotOpen, match="which is final"):
        order.extend(DEADLINE - A_MOMENT, default_window=WINDOW)
    assert order.expires_at == DEADLINE


def test_an_order_of_an_older_version_cannot_be_extended(order: Order) -> None:
    document = order.to_document()
    for name in ("window_seconds", "extensions_left", "cancel_reason"):
        del document[name]
    with pytest.raises(NoExtensionsLeft):
        Order.from_document(document).extend(DEADLINE - A_MOMENT, default_window=WINDOW)


def test_an_order_that_does_not_know_its_window_is_extended_by_the_default(order: Order) -> None:
    """It was made from its event, which does not contain the window."""
    restored = Order.from_event(order.to_event(OrderCreated))
    restored.extend(DEADLINE - A_MOMENT, default_window=timedelta(hours=1))
    assert (restored.expires_at, restored.extensions_left) == (DEADLINE + timedelta(hours=1), 1)


@pytest.mark.parametrize("reason", CancelReason)
def test_a_cancelled_order_says_why(order: Order, reason: CancelReason) -> None:
    order.cancel(reason)
    assert order.cancel_reason is reason
    assert order.recorded[-1].cancel_reason == reason.value


@pytest.mark.parametrize("first", [cancel, lambda order: order.complete(PAYMENT)], ids=["cancelled", "completed"])
@pytest.mark.parametrize("then", [cancel, lambda order: order.complete(PAYMENT)], ids=["cancel", "complete"])
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
