"""The event handlers of the storefront service. Each handler is a function.

The table CONSUMERS lists all handlers, and the events that each handler receives. Each of them only updates a copy.
"""

from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated, OrderEvent, OrderExtended
from common.events.payments import PaymentCreated, PaymentEvent, PaymentRefunded
from common.events.tickets import TicketCreated, TicketEvent, TicketUpdated, TicketWithdrawn
from common.messaging.consumer import Consumer
from storefront.service import StorefrontService


async def show_ticket_on_ticket_event(storefront: StorefrontService, event: TicketEvent) -> None:
    await storefront.follow_ticket(event)


async def show_order_on_order_event(storefront: StorefrontService, event: OrderEvent) -> None:
    await storefront.follow_order(event)


async def show_payment_on_payment_event(storefront: StorefrontService, event: PaymentEvent) -> None:
    await storefront.follow_payment(event)


CONSUMERS: tuple[Consumer[StorefrontService], ...] = (
    Consumer(
        "storefront-show-ticket-on-ticket-event",
        (TicketCreated, TicketUpdated, TicketWithdrawn),
        show_ticket_on_ticket_event,
    ),
    Consumer(
        "storefront-show-order-on-order-event",
        (OrderCreated, OrderExtended, OrderCancelled, OrderCompleted),
        show_order_on_order_event,
    ),
    Consumer(
        "storefront-show-payment-on-payment-event", (PaymentCreated, PaymentRefunded), show_payment_on_payment_event
    ),
)
