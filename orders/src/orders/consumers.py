"""The event handlers of the orders service. Each handler is a function.

The table CONSUMERS lists all handlers, and the events that each handler receives.
"""

from common.domain.ids import OrderId, PaymentId
from common.events.expiration import ExpirationCompleted
from common.events.payments import PaymentCreated
from common.events.tickets import TicketCreated, TicketUpdated
from common.messaging.consumer import Consumer
from orders.service import OrderService


async def update_ticket_on_ticket_event(orders: OrderService, event: TicketCreated | TicketUpdated) -> None:
    await orders.follow_ticket(event)


async def complete_order_on_payment_created(orders: OrderService, event: PaymentCreated) -> None:
    await orders.complete_order(event.order_id, PaymentId(event.id))


async def expire_order_on_expiration_completed(orders: OrderService, event: ExpirationCompleted) -> None:
    await orders.expire_order(OrderId(event.id))


# The name "orders-replicate-ticket" is older than the name of its handler. We must not change the name of a consumer.
# With a new name, the broker would create a new consumer, and this consumer would receive all old events again.
CONSUMERS: tuple[Consumer[OrderService], ...] = (
    Consumer("orders-replicate-ticket", (TicketCreated, TicketUpdated), update_ticket_on_ticket_event),
    Consumer("orders-complete-order-on-payment-created", (PaymentCreated,), complete_order_on_payment_created),
    Consumer(
        "orders-expire-order-on-expiration-completed", (ExpirationCompleted,), expire_order_on_expiration_completed
    ),
)
