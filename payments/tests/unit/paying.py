"""The use cases as a test calls them, for an order given as the events that it can have."""

from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated
from common.ids import OrderId
from payments.payment import Payment
from payments.service import PaymentService

OrderEvents = tuple[OrderCreated, OrderCancelled, OrderCompleted]

GOOD_CARD = "tok_visa"


async def pay(payments: PaymentService, order: OrderEvents, token: str = GOOD_CARD) -> Payment:
    created = order[0]
    return await payments.pay_order(OrderId(created.id), token=token, buyer=created.user_id)


async def payments_of(payments: PaymentService, order: OrderEvents) -> list[Payment]:
    return await payments.list_payments(OrderId(order[0].id), buyer=order[0].user_id)


async def announced(payments: PaymentService) -> list[str]:
    """The types of the events that lie in the outboxes, in the order of their making."""
    documents = await payments.payments.collection.find({}).to_list()
    return [event["headers"]["ce-type"] for document in documents for event in document["outbox"]]
