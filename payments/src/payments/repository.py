"""Where payments are kept."""

from datetime import datetime

from pymongo.errors import DuplicateKeyError

from common.clock import Clock
from common.events.payments import PaymentStatus
from common.ids import OrderId, UserId
from common.messaging.outbox import Relay
from common.mongo import Collection
from common.repository import AggregateRepository
from payments.payment import AlreadyPaid, Payment, PaymentInProgress

_CLAIMS = {"$in": [PaymentStatus.PENDING.value, PaymentStatus.CAPTURED.value]}
_MOST_OF_AN_ORDER = 100
_SWEEP_BATCH = 500


class PaymentRepository(AggregateRepository[Payment]):
    def __init__(self, collection: Collection, relay: Relay, clock: Clock) -> None:
        super().__init__(collection, Payment, relay, clock)

    async def create_indexes(self) -> None:
        # What makes it one charge an order: MongoDB itself refuses the second claim.
        await self.collection.create_index(
            "order_id", unique=True, partialFilterExpression={"status": _CLAIMS}, name="one_charge_an_order"
        )
        await self.collection.create_index([("order_id", 1), ("_id", -1)])
        await self.collection.create_index("begun_at", partialFilterExpression={"open": True}, name="open_payments")

    async def add(self, payment: Payment) -> None:
        """Raise AlreadyPaid or PaymentInProgress, with nothing stored, if another payment claims the order."""
        try:
            await super().add(payment)
        except DuplicateKeyError:
            claim = await self.find_one({"order_id": payment.order_id, "status": _CLAIMS})
            if claim is not None and claim.status is PaymentStatus.CAPTURED:
                raise AlreadyPaid("This order is paid already. You have not been charged again.") from None
            raise PaymentInProgress("Another payment for this order is under way. Look again in a moment.") from None

    async def find_of_order(self, order_id: OrderId, buyer: UserId) -> list[Payment]:
        """Newest first, at most 100."""
        page, _ = await self.find_page({"order_id": order_id, "user_id": buyer}, before=None, limit=_MOST_OF_AN_ORDER)
        return page

    async def find_captured_and_open(self, order_id: OrderId) -> Payment | None:
        return await self.find_one({"order_id": order_id, "status": PaymentStatus.CAPTURED.value, "open": True})

    async def find_open(self, *, begun_before: datetime) -> list[Payment]:
        """Oldest first, at most 500."""
        query = {"open": True, "begun_at": {"$lt": begun_before}}
        cursor = self.collection.find(query, {"outbox": 0}).sort([("begun_at", 1)]).limit(_SWEEP_BATCH)
        return [Payment.from_document(document) for document in await cursor.to_list(_SWEEP_BATCH)]
