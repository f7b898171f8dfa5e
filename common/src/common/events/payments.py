"""Published by payments."""

from typing import ClassVar

from pydantic import Field

from common.domain.event import Category, Event
from common.domain.ids import OrderId, UserId


class PaymentEvent(Event):
    """The state of a payment that other services may copy. Consumers decide by the event's type, not by `status`."""

    publisher: ClassVar = "payments"
    aggregate: ClassVar = "payment"
    category: ClassVar = Category.DOMAIN

    status: str = Field(description="`captured` or `refunded`; later versions may add others.")
    order_id: OrderId
    user_id: UserId = Field(description="The buyer.")
    amount: int = Field(description="Minor units (cents).")


class PaymentCreated(PaymentEvent):
    """The buyer's card was charged."""

    fact: ClassVar = "created"


class PaymentRefunded(PaymentEvent):
    """The charge was refunded, because the order had been cancelled meanwhile."""

    fact: ClassVar = "refunded"
