"""The handlers of events and timers in the expiration service. Each handler is a function.

A timer is a message that the service receives when the time to pay for an order is over. The table CONSUMERS lists all
handlers, and the events or timers that each handler receives.
"""

from common.domain.ids import OrderId
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated, OrderExtended
from common.events.timers import DeadlineTimer
from common.messaging.consumer import BATCH_WINDOW_SECONDS, Consumer
from expiration.service import ExpirationService


async def start_deadline_on_order_created(expiration: ExpirationService, event: OrderCreated) -> None:
    await expiration.follow_order(event)


async def move_deadline_on_order_extended(expiration: ExpirationService, event: OrderExtended) -> None:
    await expiration.follow_order(event)


async def drop_deadline_on_order_closed(expiration: ExpirationService, event: OrderCancelled | OrderCompleted) -> None:
    await expiration.follow_order(event)


async def complete_deadline_on_timer(expiration: ExpirationService, timer: DeadlineTimer) -> None:
    await expiration.complete_deadline(OrderId(timer.id))


# A durable consumer is an object at the broker. It stores which events its handler has already received. We must
# never rename a consumer. With the new name, there would be a new consumer at the broker, and the handler would
# receive all stored events again. We have renamed some handlers, but not their consumers. So the names can differ,
# for example "arm-deadline" (consumer) and "start_deadline" (handler).
CONSUMERS: tuple[Consumer[ExpirationService], ...] = (
    Consumer(
        "expiration-arm-deadline-on-order-created",
        (OrderCreated,),
        start_deadline_on_order_created,
        batch_window_seconds=BATCH_WINDOW_SECONDS,
    ),
    Consumer(
        "expiration-move-deadline-on-order-extended",
        (OrderExtended,),
        move_deadline_on_order_extended,
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
