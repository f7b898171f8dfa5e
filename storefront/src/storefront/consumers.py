"""The event handlers of the storefront service. Each handler is a function.

The table CONSUMERS lists all handlers, and the events that each handler receives. Each of them only updates a copy.
"""

from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated, OrderEvent
from common.events.payments import PaymentCreated, PaymentEvent, PaymentRefunded
from common.events.tickets import TicketCreated, TicketEvent, TicketUpdated
from common.messaging.consumer import Consumer
from storefront.copies import Copies


async def show_ticket_on_ticket_event(copies: Copies, event: TicketEvent) -> None:
    await copies.tickets.apply(event)


async def show_order_on_order_event(copies: Copies, event: OrderEvent) -> None:
    await copies.orders.apply(event)


async def show_payment_on_payment_event(copies: Copies, event: PaymentEvent) -> None:
    await copies.payments.apply(event)


CONSUMERS: tuple[Consumer[Copies], ...] = (
    Consumer("storefront-show-ticket-on-ticket-event", (TicketCreated, TicketUpdated), show_ticket_on_ticket_event),
    Consumer(
        "storefront-show-order-on-order-event",
        (OrderCreated, OrderCancelled, OrderCompleted),
        show_order_on_order_event,
    ),
    Consumer(
        "storefront-show-payment-on-payment-event", (PaymentCreated, PaymentRefunded), show_payment_on_payment_event
    ),
)
