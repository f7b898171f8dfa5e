"""Stores payments in MongoDB."""

from collections.abc import AsyncIterator

from pymongo.errors import DuplicateKeyError

from common.domain.clock import Clock
from common.domain.ids import OrderId, UserId
from common.storage.collection import Collection
from common.storage.relay import Relay
from common.storage.requested_repository import RequestedRepository
from payments.payment import AlreadyPaid, Payment, PaymentInProgress, PaymentStatus

_CLAIMS = {"$in": [PaymentStatus.PENDING.value, PaymentStatus.CAPTURED.value]}
_MOST_PER_ORDER = 100
_RECOVERY_PAGE = 100
"""The recovery job asks for the next page after it has tried to finish each payment of a page.

One attempt takes up to 3.5 s, and MongoDB forgets a query after 10 minutes. So the page must not be much larger.
"""


class PaymentRepository(RequestedRepository[Payment]):
    def __init__(self, collection: Collection, relay: Relay, clock: Clock) -> None:
        super().__init__(collection, Payment, relay, clock)

    async def create_indexes(self) -> None:
        await super().create_indexes()
        # Because of this index, MongoDB refuses a second payment for an order while another payment for this order is
        # pending or captured. So two payments cannot charge the buyer for the same order.
        await self.collection.create_index(
            "order_id", unique=True, partialFilterExpression={"status": _CLAIMS}, name="one_charge_an_order"
        )
        await self.collection.create_index([("order_id", 1), ("_id", -1)])
        await self.collection.create_index(
            [("begun_at", 1), ("_id", 1)], partialFilterExpression={"open": True}, name="open_payments_by_age"
        )

    async def add(self, payment: Payment) -> None:
        """Store a new payment.

        Store nothing and raise AlreadyPaid if another payment for this order is captured. Store nothing and raise
        PaymentInProgress if another payment for this order is pending, or if another payment has the same
        `request_key`.
        """
        try:
            await super().add(payment)
        except DuplicateKeyError:
            claim = await self.find_one({"order_id": payment.order_id, "status": _CLAIMS})
            if claim is not None and claim.status is PaymentStatus.CAPTURED:
                raise AlreadyPaid("This order is paid already. You have not been charged again.") from None
            raise PaymentInProgress(
                "A payment for this order is under way already, maybe your own; "
                f"see GET /api/payments?orderId={payment.order_id}."
            ) from None

    async def find_of_order(self, order_id: OrderId, buyer: UserId) -> list[Payment]:
        """Return the payments of this buyer for this order, newest first. Return at most 100 payments."""
        page, _ = await self.find_page({"order_id": order_id, "user_id": buyer}, before=None, limit=_MOST_PER_ORDER)
        return page

    async def find_captured_and_open(self, order_id: OrderId) -> Payment | None:
        return await self.find_one({"order_id": order_id, "status": PaymentStatus.CAPTURED.value, "open": True})

    def find_open(self) -> AsyncIterator[list[Payment]]:
        """Yield the open (not finished) payments in pages of at most 100, oldest first."""
        return self.find_all({"open": True}, sort_by="begun_at", page=_RECOVERY_PAGE)
