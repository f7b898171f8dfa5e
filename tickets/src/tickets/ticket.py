"""The ticket aggregate. It contains the offer of the seller, and the id of the order that holds the ticket.

An order holds the ticket if the ticket is reserved or sold for this order.
"""

from typing import Self

from pydantic import BaseModel, ConfigDict

from common.domain.aggregate import Aggregate
from common.domain.errors import Conflict, NotTheOwner
from common.domain.ids import OrderId, TicketId, UserId, new_id
from common.domain.zoned_time import ZonedTime
from common.events.tickets import Place, TicketCreated, TicketEvent, TicketUpdated


class NotTheSeller(NotTheOwner):
    """Only the seller of a ticket can change it."""

    code = "not-the-seller"
    title = "Somebody else sells this ticket"


class TicketHeld(Conflict):
    """The ticket is reserved or sold for an order, so the seller cannot change the ticket."""

    code = "ticket-held"
    title = "An order holds this ticket"


class Details(BaseModel):
    """What a listing can say about the event of the ticket. Everything is optional."""

    model_config = ConfigDict(frozen=True)

    venue: str | None = None
    starts_at: ZonedTime | None = None
    place: Place | None = None


NO_DETAILS = Details()


class Ticket(Aggregate[TicketEvent]):
    title: str
    price: int
    user_id: UserId
    order_id: OrderId | None = None
    venue: str | None = None
    starts_at: ZonedTime | None = None
    place: Place | None = None

    @classmethod
    def list_for_sale(cls, *, seller: UserId, title: str, price: int, details: Details = NO_DETAILS) -> Self:
        ticket = cls(id=TicketId(new_id()), title=title, price=price, user_id=seller)
        ticket._set_details(details)
        ticket._change(TicketCreated)
        return ticket

    def change_listing(self, *, by: UserId, title: str, price: int, details: Details = NO_DETAILS) -> None:
        """Replace the whole listing, also by details that are None. Raises NotTheSeller or TicketHeld."""
        if by != self.user_id:
            raise NotTheSeller("Only its seller can change a ticket.")
        if self.order_id is not None:
            raise TicketHeld("An order holds or has bought this ticket, so its listing cannot be changed.")
        self.title = title
        self.price = price
        self._set_details(details)
        self._change(TicketUpdated)

    def set_holder(self, order_id: OrderId | None) -> None:
        """Set the order for which the ticket is reserved or sold. If `order_id` is None, the ticket becomes free."""
        self.order_id = order_id
        self._change(TicketUpdated)

    def _set_details(self, details: Details) -> None:
        self.venue, self.starts_at, self.place = details.venue, details.starts_at, details.place

    def to_event(self, event_type: type[TicketEvent]) -> TicketEvent:
        return event_type(
            id=self.id,
            version=self.version,
            title=self.title,
            price=self.price,
            user_id=self.user_id,
            order_id=self.order_id,
            venue=self.venue,
            starts_at=self.starts_at,
            place=self.place,
        )

    def current_event(self) -> TicketEvent:
        return self.to_event(TicketCreated if self.version == 1 else TicketUpdated)
