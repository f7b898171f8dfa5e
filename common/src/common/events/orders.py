"""Published by orders."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from common.domain.ids import PaymentId, TicketId, UserId
from common.events.base import Category, Event


class OrderStatus(StrEnum):
    CREATED = "created"
    """Open: holds the ticket and waits for a payment."""
    CANCELLED = "cancelled"
    COMPLETED = "completed"

    @property
    def is_live(self) -> bool:
        """A live order holds its ticket: it is open, or it has bought it."""
        return self is not OrderStatus.CANCELLED


class OrderedTicket(BaseModel):
    """The ticket as it was when it was ordered: the price that the buyer agreed to."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: TicketId
    title: str
    price: int = Field(description="Minor units (cents).")


class OrderEvent(Event):
    """The state of an order that others may replicate."""

    publisher: ClassVar = "orders"
    aggregate: ClassVar = "order"
    category: ClassVar = Category.DOMAIN

    status: OrderStatus
    user_id: UserId = Field(description="The buyer.")
    expires_at: datetime = Field(description="The deadline for paying, UTC.")
    ticket: OrderedTicket
    payment_id: PaymentId | None = Field(default=None, description="The payment that completed the order.")


class OrderCreated(OrderEvent):
    """A buyer ordered a ticket, which holds it until the deadline."""

    fact: ClassVar = "created"


class OrderCancelled(OrderEvent):
    """The buyer gave up the order, or its deadline passed unpaid."""

    fact: ClassVar = "cancelled"


class OrderCompleted(OrderEvent):
    """The order is paid: the ticket is sold."""

    fact: ClassVar = "completed"
