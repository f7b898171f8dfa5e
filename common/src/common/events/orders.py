"""Published by orders."""

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from common.domain.event import Category, Event
from common.domain.ids import PaymentId, TicketId, UserId


class OrderedTicket(BaseModel):
    """The ticket as it was when it was ordered: the price that the buyer agreed to."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: TicketId
    title: str
    price: int = Field(description="Minor units (cents).")


class OrderEvent(Event):
    """The state of an order that other services may copy.

    Consumers decide by the event's type, not by `status`: a newer version of orders may send a status that they do not
    know.
    """

    publisher: ClassVar = "orders"
    aggregate: ClassVar = "order"
    category: ClassVar = Category.DOMAIN

    status: str = Field(description="`created`, `cancelled` or `completed`; later versions may add others.")
    user_id: UserId = Field(description="The buyer.")
    expires_at: datetime = Field(description="The deadline for paying, UTC.")
    ticket: OrderedTicket
    payment_id: PaymentId | None = Field(default=None, description="The payment that completed the order.")


class OrderCreated(OrderEvent):
    """A buyer ordered a ticket. The order holds the ticket until the deadline."""

    fact: ClassVar = "created"


class OrderCancelled(OrderEvent):
    """The buyer cancelled the order, or its deadline passed without a payment. The ticket is free again."""

    fact: ClassVar = "cancelled"


class OrderCompleted(OrderEvent):
    """The order is paid: the ticket is sold."""

    fact: ClassVar = "completed"
