"""The events that the payments service publishes."""

from typing import ClassVar

from pydantic import Field

from common.domain.event import Category, Event
from common.domain.ids import OrderId, UserId


class PaymentEvent(Event):
    """The base class of payment events. It contains the part of a payment's state that other services may copy.

    The event's type tells a consumer what to do. A consumer must not use `status` for this decision, because a newer
    version of the payments service may send a status that the consumer does not know.
    """

    publisher: ClassVar = "payments"
    aggregate: ClassVar = "payment"
    category: ClassVar = Category.DOMAIN

    status: str = Field(description="`captured` or `refunded`; later versions may add others.")
    order_id: OrderId
    user_id: UserId = Field(description="The buyer.")
    amount: int = Field(description="Minor units (cents).")
    charge_id: str | None = Field(default=None, description="The card processor's id of the charge, for a refund.")


class PaymentCreated(PaymentEvent):
    """The payments service has charged the buyer's card."""

    fact: ClassVar = "created"


class PaymentRefunded(PaymentEvent):
    """The payments service has refunded the charge, because the order was cancelled before the payment completed it."""

    fact: ClassVar = "refunded"
