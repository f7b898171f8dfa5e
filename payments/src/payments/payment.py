"""The payment aggregate: pending → captured or declined; captured → refunded; open until the money has its place."""

from datetime import datetime
from typing import Self

from common.domain.aggregate import Aggregate
from common.domain.errors import Conflict, NotTheOwner, ProblemError
from common.domain.ids import OrderId, PaymentId, UserId, new_id
from common.events.payments import PaymentCreated, PaymentRefunded, PaymentStatus
from payments.gateway.protocol import ChargeId


class NotTheBuyer(NotTheOwner):
    """Only its buyer can pay for an order."""

    slug = "not-the-buyer"
    title = "Somebody else placed this order"


class OrderNotOpen(Conflict):
    """A cancelled or expired order cannot be paid."""

    slug = "order-not-open"
    title = "The order is not open any more"


class AlreadyPaid(Conflict):
    """There is one charge an order, however often it is asked for."""

    slug = "already-paid"
    title = "The order is paid already"


class PaymentInProgress(Conflict):
    """Another payment for the same order has not come to its end yet."""

    slug = "payment-in-progress"
    title = "A payment for this order is under way"


class CardRefused(ProblemError):
    """The card was declined; the order stays open for another try."""

    status = 402
    slug = "card-declined"
    title = "The card was declined"


class Payment(Aggregate):
    order_id: OrderId
    user_id: UserId
    amount: int
    status: PaymentStatus = PaymentStatus.PENDING
    open: bool = True
    """Until its order is completed or it is refunded: what is open for long is what an operator looks at."""
    token: str | None
    """The card token, for as long as the charge may have to be repeated."""
    charge_id: ChargeId | None = None
    decline_reason: str | None = None
    begun_at: datetime
    request_key: str | None = None
    """The request that began it, if it came with a key: the same request goes on with this payment."""

    @classmethod
    def begin(  # noqa: PLR0913 - all of them are named
        cls,
        *,
        order_id: OrderId,
        buyer: UserId,
        amount: int,
        token: str,
        now: datetime,
        request_key: str | None = None,
    ) -> Self:
        """Claims the order before any money moves."""
        payment = cls(
            id=PaymentId(new_id()),
            order_id=order_id,
            user_id=buyer,
            amount=amount,
            token=token,
            begun_at=now,
            request_key=request_key,
        )
        payment._change()
        return payment

    def capture(self, charge_id: ChargeId) -> None:
        self._leave(PaymentStatus.PENDING, PaymentStatus.CAPTURED)
        self.charge_id = charge_id
        self.token = None
        self._change(PaymentCreated)

    def decline(self, reason: str) -> None:
        self._leave(PaymentStatus.PENDING, PaymentStatus.DECLINED)
        self.decline_reason = reason
        self.token = None
        self.open = False
        self._change()

    def refund(self) -> None:
        self._leave(PaymentStatus.CAPTURED, PaymentStatus.REFUNDED)
        self.open = False
        self._change(PaymentRefunded)

    def settle(self) -> None:
        """Its order is completed: the seller has earned it."""
        self._leave(PaymentStatus.CAPTURED, PaymentStatus.CAPTURED)
        self.open = False
        self._change()

    def _leave(self, before: PaymentStatus, after: PaymentStatus) -> None:
        if self.status is not before or not self.open:
            raise Conflict(f"The payment is {self.status}, and not {before} and open.")
        self.status = after
