"""The payment aggregate.

A pending payment becomes captured (the card was charged) or declined. A captured payment stays captured if its order is
completed, and becomes refunded if its order is cancelled. A payment is open until it is declined or refunded, or until
its order is completed.
"""

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime

from common.domain.errors import Conflict, DomainError, ErrorKind, NotTheOwner
from common.domain.ids import OrderId, PaymentId, UserId, made_at, new_id
from common.domain.requested import RequestedAggregate, RequestKey
from common.events.payments import PaymentCreated, PaymentEvent, PaymentRefunded
from payments.gateway.protocol import ChargeId


class PaymentStatus(StrEnum):
    PENDING = "pending"
    """The payment has begun, so no second payment for its order can begin. Nobody knows yet if the card was charged."""
    DECLINED = "declined"
    CAPTURED = "captured"
    REFUNDED = "refunded"


class NotTheBuyer(NotTheOwner):
    """Only the buyer of an order can pay for it."""

    code = "not-the-buyer"
    title = "Somebody else placed this order"


class OrderNotOpen(Conflict):
    """The order is cancelled, or the time to pay is over, so the order cannot be paid."""

    code = "order-not-open"
    title = "The order is not open any more"


class AlreadyPaid(Conflict):
    """The order is already paid. The card is not charged a second time."""

    code = "already-paid"
    title = "The order is paid already"


class PaymentInProgress(Conflict):
    """Another payment for the same order has not ended yet."""

    code = "payment-in-progress"
    title = "A payment for this order is under way"


class CardRefused(DomainError):
    """The card was declined. The order stays open, so the buyer can try again."""

    kind = ErrorKind.PAYMENT_DECLINED
    code = "card-declined"
    title = "The card was declined"


class Payment(RequestedAggregate[PaymentEvent]):
    order_id: OrderId
    user_id: UserId
    amount: int
    status: PaymentStatus
    open: bool
    """True until the payment is declined or refunded, or until its order is completed.

    A payment normally stays open for a short time only. If it stays open longer, an operator must find out why.
    """
    token: str | None
    """The card token. `capture` and `decline` remove the token, because after that nobody needs the token."""
    charge_id: ChargeId | None = None
    decline_reason: str | None = None
    begun_at: AwareDatetime

    @classmethod
    def begin(  # noqa: PLR0913 - every argument is a keyword argument
        cls,
        *,
        order_id: OrderId,
        buyer: UserId,
        amount: int,
        token: str,
        now: datetime,
        request_key: RequestKey | None = None,
    ) -> Self:
        """Create a pending payment.

        The caller must store the payment before it charges the card. While the payment is stored as pending, nobody can
        begin a second payment for the same order. So the buyer cannot be charged twice.
        """
        payment = cls(
            id=PaymentId(new_id()),
            order_id=order_id,
            user_id=buyer,
            amount=amount,
            status=PaymentStatus.PENDING,
            open=True,
            token=token,
            begun_at=now,
        )
        payment._set_request(request_key)
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
        """Set `open` to False. The order is completed, so the payment is finished, and we will not refund it."""
        self._leave(PaymentStatus.CAPTURED, PaymentStatus.CAPTURED)
        self.open = False
        self._change()

    def _leave(self, before: PaymentStatus, after: PaymentStatus) -> None:
        if self.status is not before or not self.open:
            raise Conflict(f"The payment is {self.status}, and not {before} and open.")
        self.status = after

    def to_event(self, event_type: type[PaymentEvent]) -> PaymentEvent:
        return event_type(
            id=self.id,
            version=self.version,
            status=self.status.value,
            order_id=self.order_id,
            user_id=self.user_id,
            amount=self.amount,
            charge_id=self.charge_id,
        )

    @classmethod
    def from_event(cls, event: PaymentEvent) -> Self:
        """Make the payment in the state that the event reports.

        A captured payment is open, so the recovery job then settles it, or refunds it if its order is cancelled.
        """
        is_open = event.status == PaymentStatus.CAPTURED
        return cls._restored({**event.model_dump(), "open": is_open, "token": None, "begun_at": made_at(event.id)})

    def current_event(self) -> PaymentEvent | None:
        event_type = _EVENT_OF.get(self.status)
        return self.to_event(event_type) if event_type else None


_EVENT_OF: dict[PaymentStatus, type[PaymentEvent]] = {
    PaymentStatus.CAPTURED: PaymentCreated,
    PaymentStatus.REFUNDED: PaymentRefunded,
}
