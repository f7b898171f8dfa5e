"""Published by payments."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from common.domain.ids import OrderId, UserId
from common.events.base import Category, Event


class PaymentStatus(StrEnum):
    PENDING = "pending"
    """The order is claimed for this charge; whether the card was charged is not known yet."""
    DECLINED = "declined"
    CAPTURED = "captured"
    REFUNDED = "refunded"


class PaymentEvent(Event):
    """The state of a payment that others may replicate."""

    publisher: ClassVar = "payments"
    aggregate: ClassVar = "payment"
    category: ClassVar = Category.DOMAIN

    status: PaymentStatus
    order_id: OrderId
    user_id: UserId = Field(description="The buyer.")
    amount: int = Field(description="Minor units (cents).")


class PaymentCreated(PaymentEvent):
    """The buyer's card was charged."""

    fact: ClassVar = "created"


class PaymentRefunded(PaymentEvent):
    """The charge was given back, because the order was cancelled meanwhile."""

    fact: ClassVar = "refunded"
