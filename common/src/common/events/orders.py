"""The events that the orders service publishes."""

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from common.domain.event import Category, Event
from common.domain.ids import PaymentId, TicketId, UserId


class OrderedTicket(BaseModel):
    """The ticket as the buyer ordered it. The buyer pays this price, even if the price of the ticket changes later."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: TicketId
    title: str
    price: int = Field(description="Minor units (cents).")
    version: int | None = Field(
        default=None, description="The version of the ticket that has this price. Null in orders of older versions."
    )


class OrderEvent(Event):
    """The base class of order events. It contains the part of an order's state that other services may copy.

    The event's type tells a consumer what to do. A consumer must not use `status` for this decision, because a newer
    version of the orders service may send a status that the consumer does not know.
    """

    publisher: ClassVar = "orders"
    aggregate: ClassVar = "order"
    category: ClassVar = Category.DOMAIN

    status: str = Field(description="`created`, `cancelled` or `completed`; later versions may add others.")
    user_id: UserId = Field(description="The buyer.")
    expires_at: datetime = Field(description="The deadline for paying, UTC.")
    ticket: OrderedTicket
    payment_id: PaymentId | None = Field(default=None, description="The payment that completed the order.")
    extensions_left: int | None = Field(
        default=None, description="How often the buyer can still extend the order. Null in events of older versions."
    )
    cancel_reason: str | None = Field(
        default=None,
        description="Why the order was cancelled: `buyer`, `expired` or `withdrawn`; later versions may add others. "
        "Null if it was not cancelled, and in events of older versions.",
    )


class OrderCreated(OrderEvent):
    """A buyer ordered a ticket. The order reserves the ticket until the deadline for paying."""

    fact: ClassVar = "created"


class OrderExtended(OrderEvent):
    """The buyer has extended the order. It reserves the ticket until the new, later deadline for paying."""

    fact: ClassVar = "extended"


class OrderCancelled(OrderEvent):
    """The buyer cancelled the order, or did not pay before the deadline. The ticket can be ordered again."""

    fact: ClassVar = "cancelled"


class OrderCompleted(OrderEvent):
    """The buyer has paid for the order, so the ticket is sold."""

    fact: ClassVar = "completed"
