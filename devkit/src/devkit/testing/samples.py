"""Creates sample events that look like the events of the real services."""

from datetime import datetime, timedelta

from common.domain.clock import utc_now
from common.domain.ids import OrderId, PaymentId, TicketId, UserId, new_id
from common.events.expiration import ExpirationCompleted
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated, OrderedTicket, OrderExtended
from common.events.payments import PaymentCreated
from common.events.tickets import TicketCreated, TicketUpdated, TicketWithdrawn


def order_events(
    ticket_id: str, *, buyer: str | None = None, order_id: str | None = None, due_in: timedelta = timedelta(minutes=15)
) -> tuple[OrderCreated, OrderCancelled, OrderCompleted]:
    """Return three events of an order for this ticket.

    A real order has only two of these events: first OrderCreated, and then either OrderCancelled or OrderCompleted. A
    test uses only those that it needs.
    """
    state = {
        "id": order_id or new_id(),
        "user_id": UserId(buyer or new_id()),
        "expires_at": utc_now() + due_in,
        "ticket": OrderedTicket(id=TicketId(ticket_id), title="Concert", price=1999),
    }
    return (
        OrderCreated(version=1, status="created", **state),
        OrderCancelled(version=2, status="cancelled", **state),
        OrderCompleted(version=2, status="completed", payment_id=PaymentId(new_id()), **state),
    )


def extended_order(created: OrderCreated, *, version: int = 2, by: timedelta = timedelta(minutes=15)) -> OrderExtended:
    """Return the event that is published when the buyer extends this order."""
    state = {**created.model_dump(), "version": version, "expires_at": created.expires_at + by, "extensions_left": 2}
    return OrderExtended.model_validate(state)


def listed_ticket(
    *, seller: str | None = None, title: str = "Concert", price: int = 1999, starts_at: str | None = None
) -> TicketCreated:
    seller_id = UserId(seller or new_id())
    return TicketCreated(id=new_id(), version=1, title=title, price=price, user_id=seller_id, starts_at=starts_at)


def changed_ticket(ticket: TicketCreated, version: int, *, title: str = "Opera", price: int = 2500) -> TicketUpdated:
    """Return the event that is published when the seller changes the title and the price of the ticket."""
    return TicketUpdated(id=ticket.id, version=version, title=title, price=price, user_id=ticket.user_id)


def withdrawn_ticket(ticket: TicketCreated, version: int, *, order_id: str | None = None) -> TicketWithdrawn:
    """Return the event that is published when the seller withdraws the ticket, or when an order then holds it."""
    holder = OrderId(order_id) if order_id else None
    return TicketWithdrawn(**ticket.model_dump() | {"version": version, "order_id": holder})


def captured_payment(order_id: str) -> PaymentCreated:
    """Return the event that is published when the buyer's card has been charged for this order."""
    return PaymentCreated(
        id=new_id(),
        version=2,
        status="captured",
        order_id=OrderId(order_id),
        user_id=UserId(new_id()),
        amount=1999,
    )


def passed_deadline(order_id: str, deadline: datetime) -> ExpirationCompleted:
    """Return the event that is published when the time to pay for this order is over."""
    return ExpirationCompleted(id=order_id, version=2, expires_at=deadline)
