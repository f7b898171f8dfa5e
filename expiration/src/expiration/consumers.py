"""The handlers of events and timers in the expiration service. Each handler is a function.

A timer is a message that the service receives when the time to pay for an order is over. The table CONSUMERS lists all
handlers, and the events or timers that each handler receives.
"""

from common.domain.ids import OrderId
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated
from common.events.timers import DeadlineTimer
from common.messaging.consumer import BATCH_WINDOW_SECONDS, Consumer
from expiration.service import ExpirationService


async def start_deadline_on_order_created(expiration: ExpirationService, event: OrderCreated) -> None:
    await expiration.follow_order(event)


async def drop_deadline_on_order_closed(expiration: ExpirationService, event: OrderCancelled | OrderCompleted) -> None:
    await expiration.follow_order(event)


async def complete_deadline_on_timer(expiration: ExpirationService, timer: DeadlineTimer) -> None:
    await expiration.complete_deadline(OrderId(timer.id))


# We have renamed some handlers, but not their consumers. So some consumers have other names than their handlers, for
# example "arm-deadline" and "start_deadline". We must never rename a consumer. Under the new name, there would be a new
# consumer at the broker, and this new consumer would receive all stored events again.
CONSUMERS: tuple[Consumer[ExpirationService], ...] = (
    Consumer(
        "expiration-arm-deadline-on-order-created",
        (OrderCreated,),
        start_deadline_on_order_created,
        batch_window_seconds=BATCH_WINDOW_SECONDS,
    ),
    Consumer(
        "expiration-drop-deadline-on-order-closed",
        (OrderCancelled, OrderCompleted),
        drop_deadline_on_order_closed,
        batch_window_seconds=BATCH_WINDOW_SECONDS,
    ),
    Consumer("expiration-complete-deadline-on-alarm", (DeadlineTimer,), complete_deadline_on_timer),
)
