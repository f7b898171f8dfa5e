"""The events that the tickets service publishes."""

from typing import ClassVar

from pydantic import Field

from common.domain.event import Category, Event
from common.domain.ids import OrderId, UserId


class TicketEvent(Event):
    """The base class of ticket events. It contains the part of a ticket's state that other services may copy."""

    publisher: ClassVar = "tickets"
    aggregate: ClassVar = "ticket"
    category: ClassVar = Category.DOMAIN

    title: str
    price: int = Field(description="Minor units (cents).")
    user_id: UserId = Field(description="The seller.")
    order_id: OrderId | None = Field(default=None, description="The order that holds or bought the ticket.")


class TicketCreated(TicketEvent):
    """A seller offered a new ticket for sale."""

    fact: ClassVar = "created"


class TicketUpdated(TicketEvent):
    """The ticket has changed.

    The seller changed the title or the price, or an order reserved the ticket, or a cancelled order released the
    ticket.
    """

    fact: ClassVar = "updated"
