"""Creates and calls the use cases, for an order that is given as its three possible events."""

from common.domain.clock import Clock
from common.domain.ids import OrderId
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated
from common.storage.collection import Database
from common.storage.read_model import ReadModelRepository
from devkit.testing.in_memory import idle_relay
from payments.gateway.protocol import PaymentGateway
from payments.order_read_model import OrderReadModel
from payments.payment import Payment
from payments.recovery_job import RecoveryJob
from payments.repository import PaymentRepository
from payments.service import PaymentService

OrderEvents = tuple[OrderCreated, OrderCancelled, OrderCompleted]

GOOD_CARD = "tok_visa"


async def use_cases(database: Database, gateway: PaymentGateway, clock: Clock) -> PaymentService:
    """Their events stay in the outboxes, because no relay runs."""
    payments = PaymentRepository(database["payments"], idle_relay(), clock)
    await payments.create_indexes()
    orders = ReadModelRepository(database["order_replicas"], OrderReadModel, wait_seconds=0)
    return PaymentService(payments, orders, gateway, clock)


def recovery_of(payments: PaymentService) -> RecoveryJob:
    """A new job, as after a start of the service: it remembers no failed attempt."""
    return RecoveryJob(payments._payments, payments.finish, payments._clock)


async def pay(payments: PaymentService, order: OrderEvents, token: str = GOOD_CARD) -> Payment:
    created = order[0]
    return await payments.pay_order(OrderId(created.id), token=token, buyer=created.user_id)


async def payments_of(payments: PaymentService, order: OrderEvents) -> list[Payment]:
    return await payments.list_payments(OrderId(order[0].id), buyer=order[0].user_id)


async def recorded_events(payments: PaymentService) -> list[str]:
    """The types of the events in the outboxes, in the order in which they were made."""
    documents = await payments._payments.collection.find({}).to_list()
    return [event["headers"]["ce-type"] for document in documents for event in document["outbox"]]
