"""The event handlers of the orders service. Each handler is a function.

The table CONSUMERS lists all handlers, and the events that each handler receives.
"""

from common.domain.ids import OrderId, PaymentId
from common.events.expiration import ExpirationCompleted
from common.events.payments import PaymentCreated
from common.events.tickets import TicketCreated, TicketUpdated, TicketWithdrawn
from common.messaging.consumer import Consumer
from orders.service import OrderService


async def update_ticket_on_ticket_event(orders: OrderService, event: TicketCreated | TicketUpdated) -> None:
    await orders.follow_ticket(event)


async def cancel_order_on_ticket_withdrawn(orders: OrderService, event: TicketWithdrawn) -> None:
    await orders.cancel_order_of_withdrawn_ticket(event)


async def complete_order_on_payment_created(orders: OrderService, event: PaymentCreated) -> None:
    await orders.complete_order(event.order_id, PaymentId(event.id))


async def expire_order_on_expiration_completed(orders: OrderService, event: ExpirationCompleted) -> None:
    await orders.expire_order(OrderId(event.id), deadline=event.expires_at)


# A durable consumer is an object at the broker. It stores which events its handler has already received. We must
# never rename a consumer. With the new name, there would be a new consumer at the broker, and the handler would
# receive all stored events again. So the consumer "orders-replicate-ticket" still has its old name, although we have
# renamed its handler.
CONSUMERS: tuple[Consumer[OrderService], ...] = (
    Consumer("orders-replicate-ticket", (TicketCreated, TicketUpdated), update_ticket_on_ticket_event),
    Consumer("orders-cancel-order-on-ticket-withdrawn", (TicketWithdrawn,), cancel_order_on_ticket_withdrawn),
    Consumer("orders-complete-order-on-payment-created", (PaymentCreated,), complete_order_on_payment_created),
    Consumer(
        "orders-expire-order-on-expiration-completed", (ExpirationCompleted,), expire_order_on_expiration_completed
    ),
)
