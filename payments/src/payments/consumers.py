"""The event handlers of the payments service. Each handler is a function.

The table CONSUMERS lists all handlers, and the events that each handler receives. The first three only update our copy
of the orders. The others act on it, and may wait for the card processor.
"""

from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated, OrderExtended
from common.messaging.consumer import BATCH_WINDOW_SECONDS, Consumer
from payments.service import PaymentService


async def accept_payments_on_order_created(payments: PaymentService, event: OrderCreated) -> None:
    await payments.learn_of_order(event)


async def accept_payments_longer_on_order_extended(payments: PaymentService, event: OrderExtended) -> None:
    await payments.learn_of_order(event)


async def stop_payments_on_order_closed(payments: PaymentService, event: OrderCancelled | OrderCompleted) -> None:
    await payments.learn_of_order(event)


async def refund_payment_on_order_cancelled(payments: PaymentService, event: OrderCancelled) -> None:
    await payments.close_payment(event)


async def settle_payment_on_order_completed(payments: PaymentService, event: OrderCompleted) -> None:
    await payments.close_payment(event)


CONSUMERS: tuple[Consumer[PaymentService], ...] = (
    Consumer("payments-accept-payments-on-order-created", (OrderCreated,), accept_payments_on_order_created),
    Consumer(
        "payments-accept-payments-longer-on-order-extended", (OrderExtended,), accept_payments_longer_on_order_extended
    ),
    Consumer("payments-stop-payments-on-order-closed", (OrderCancelled, OrderCompleted), stop_payments_on_order_closed),
    Consumer("payments-refund-payment-on-order-cancelled", (OrderCancelled,), refund_payment_on_order_cancelled),
    Consumer(
        "payments-settle-payment-on-order-completed",
        (OrderCompleted,),
        settle_payment_on_order_completed,
        batch_window_seconds=BATCH_WINDOW_SECONDS,
    ),
)
