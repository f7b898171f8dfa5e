"""Events as other services would publish them."""

from datetime import timedelta

from common.clock import utc_now
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated, OrderedTicket, OrderStatus
from common.ids import PaymentId, TicketId, UserId, new_id


def order_events(
    ticket_id: str, *, buyer: str | None = None, order_id: str | None = None, due_in: timedelta = timedelta(minutes=15)
) -> tuple[OrderCreated, OrderCancelled, OrderCompleted]:
    """The three events that an order on this ticket can have; its second one is either of the last two."""
    state = {
        "id": order_id or new_id(),
        "user_id": UserId(buyer or new_id()),
        "expires_at": utc_now() + due_in,
        "ticket": OrderedTicket(id=TicketId(ticket_id), title="Concert", price=1999),
    }
    return (
        OrderCreated(version=1, status=OrderStatus.CREATED, **state),
        OrderCancelled(version=2, status=OrderStatus.CANCELLED, **state),
        OrderCompleted(version=2, status=OrderStatus.COMPLETED, payment_id=PaymentId(new_id()), **state),
    )
