"""The event handlers of the tickets service. Each handler is a function.

The table CONSUMERS lists all handlers, and the events that each handler receives.
"""

from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated, OrderExtended
from common.messaging.consumer import Consumer
from tickets.service import TicketService


async def hold_ticket_on_order_created(tickets: TicketService, event: OrderCreated) -> None:
    await tickets.follow_order(event)


async def release_ticket_on_order_cancelled(tickets: TicketService, event: OrderCancelled) -> None:
    await tickets.follow_order(event)


async def keep_ticket_sold_on_order_completed(tickets: TicketService, event: OrderCompleted) -> None:
    await tickets.follow_order(event)


async def keep_ticket_held_on_order_extended(tickets: TicketService, event: OrderExtended) -> None:
    await tickets.follow_order(event)


CONSUMERS: tuple[Consumer[TicketService], ...] = (
    Consumer("tickets-hold-ticket-on-order-created", (OrderCreated,), hold_ticket_on_order_created),
    Consumer("tickets-release-ticket-on-order-cancelled", (OrderCancelled,), release_ticket_on_order_cancelled),
    Consumer("tickets-keep-ticket-sold-on-order-completed", (OrderCompleted,), keep_ticket_sold_on_order_completed),
    Consumer("tickets-keep-ticket-held-on-order-extended", (OrderExtended,), keep_ticket_held_on_order_extended),
)
