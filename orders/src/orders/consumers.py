"""Events in: what orders does when something happens elsewhere."""

from common.domain.ids import OrderId, PaymentId
from common.events.expiration import ExpirationCompleted
from common.events.payments import PaymentCreated
from common.events.tickets import TicketCreated, TicketUpdated
from common.messaging.consumer import Consumer
from orders.service import OrderService


async def replicate_ticket(orders: OrderService, event: TicketCreated | TicketUpdated) -> None:
    await orders.tickets.apply(event)


async def complete_order_on_payment_created(orders: OrderService, event: PaymentCreated) -> None:
    await orders.complete_order(event.order_id, PaymentId(event.id))


async def expire_order_on_expiration_completed(orders: OrderService, event: ExpirationCompleted) -> None:
    await orders.expire_order(OrderId(event.id))


CONSUMERS: tuple[Consumer[OrderService], ...] = (
    Consumer("orders-replicate-ticket", (TicketCreated, TicketUpdated), replicate_ticket),
    Consumer("orders-complete-order-on-payment-created", (PaymentCreated,), complete_order_on_payment_created),
    Consumer(
        "orders-expire-order-on-expiration-completed", (ExpirationCompleted,), expire_order_on_expiration_completed
    ),
)
