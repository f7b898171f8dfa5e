"""The events that the tickets service publishes."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from common.domain.event import Category, Event
from common.domain.ids import OrderId, UserId


class Place(BaseModel):
    """The place of the ticket at its venue. A ticket for standing room, for example, has only a section."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    section: str | None = None
    row: str | None = None
    seat: str | None = None


class TicketEvent(Event):
    """The base class of ticket events. It contains the part of a ticket's state that other services may copy."""

    publisher: ClassVar = "tickets"
    aggregate: ClassVar = "ticket"
    category: ClassVar = Category.DOMAIN

    title: str
    price: int = Field(description="Minor units (cents).")
    user_id: UserId = Field(description="The seller.")
    order_id: OrderId | None = Field(default=None, description="The order that holds or bought the ticket.")
    venue: str | None = Field(default=None, description="Where the event of the ticket is.")
    starts_at: str | None = Field(
        default=None,
        description="When it begins: a time of RFC 3339 with the offset of the venue (2027-05-01T20:00:00+02:00).",
    )
    place: Place | None = None


class TicketCreated(TicketEvent):
    """A seller offered a new ticket for sale."""

    fact: ClassVar = "created"


class TicketUpdated(TicketEvent):
    """The ticket has changed.

    The seller changed the listing, or an order reserved the ticket, or a cancelled order released the
    ticket.
    """

    fact: ClassVar = "updated"


class TicketWithdrawn(TicketEvent):
    """The seller has withdrawn the ticket, so nobody can order it any more.

    If an order still holds the ticket, the orders service cancels the order. The tickets service publishes this event
    again for each later change of the ticket. A later TicketUpdated means that the ticket is sold, because its buyer
    paid before the order was cancelled.
    """

    fact: ClassVar = "withdrawn"
