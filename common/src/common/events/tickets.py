"""Published by tickets."""

from typing import ClassVar

from pydantic import Field

from common.domain.event import Category, Event
from common.domain.ids import OrderId, UserId


class TicketEvent(Event):
    """The state of a ticket that other services may copy."""

    publisher: ClassVar = "tickets"
    aggregate: ClassVar = "ticket"
    category: ClassVar = Category.DOMAIN

    title: str
    price: int = Field(description="Minor units (cents).")
    user_id: UserId = Field(description="The seller.")
    order_id: OrderId | None = Field(default=None, description="The order that holds or bought the ticket.")


class TicketCreated(TicketEvent):
    """A seller listed a ticket."""

    fact: ClassVar = "created"


class TicketUpdated(TicketEvent):
    """The seller changed title or price, or an order took or released the ticket."""

    fact: ClassVar = "updated"
