"""The ticket aggregate. It contains the offer of the seller, and the id of the order that holds the ticket.

An order holds the ticket if the ticket is reserved or sold for this order.
"""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

from common.domain.errors import Conflict, NotTheOwner
from common.domain.ids import OrderId, TicketId, UserId, new_id
from common.domain.requested import RequestedAggregate, RequestKey
from common.domain.zoned_time import ZonedTime, utc_of
from common.events.tickets import Place, TicketCreated, TicketEvent, TicketUpdated, TicketWithdrawn


class NotTheSeller(NotTheOwner):
    """Only the seller of a ticket can change or withdraw it."""

    code = "not-the-seller"
    title = "Somebody else sells this ticket"


class TicketHeld(Conflict):
    """The ticket is reserved or sold for an order, so the seller can neither change nor withdraw it."""

    code = "ticket-held"
    title = "An order holds this ticket"


class TicketChanged(Conflict):
    """The ticket does not have the version that its seller has seen. Read it again, and send the change again."""

    code = "ticket-changed"
    title = "The ticket has changed"


class Details(BaseModel):
    """What a listing can say about the event of the ticket. Everything is optional."""

    model_config = ConfigDict(frozen=True)

    venue: str | None = None
    starts_at: ZonedTime | None = None
    place: Place | None = None


NO_DETAILS = Details()


class Ticket(RequestedAggregate[TicketEvent]):
    title: str
    price: int
    user_id: UserId
    order_id: OrderId | None = None
    venue: str | None = None
    starts_at: ZonedTime | None = None
    place: Place | None = None
    withdrawn: bool = False

    @classmethod
    def list_for_sale(
        cls,
        *,
        seller: UserId,
        title: str,
        price: int,
        details: Details = NO_DETAILS,
        request_key: RequestKey | None = None,
    ) -> Self:
        ticket = cls(id=TicketId(new_id()), title=title, price=price, user_id=seller)
        ticket._set_details(details)
        ticket._set_request(request_key)
        ticket._change(TicketCreated)
        return ticket

    def change_listing(
        self, *, by: UserId, title: str, price: int, details: Details = NO_DETAILS, seen_version: int | None = None
    ) -> None:
        """Replace the whole listing, also by details that are None.

        Raises NotTheSeller or TicketHeld. Raises TicketChanged if the ticket does not have `seen_version`.
        """
        self._check_seller(by)
        if self.order_id is not None:
            raise TicketHeld("An order holds or has bought this ticket, so its listing cannot be changed.")
        self._check_version(seen_version)
        self.title = title
        self.price = price
        self._set_details(details)
        self._change(TicketUpdated)

    def has_begun(self, now: datetime) -> bool:
        """Return True if the event of the ticket has begun, so that orders does not sell the ticket any more."""
        return self.starts_at is not None and utc_of(self.starts_at) <= now

    def withdraw(self, *, by: UserId) -> None:
        """Take the ticket off sale for ever. Do nothing if it is withdrawn. Raises NotTheSeller or TicketHeld."""
        self._check_seller(by)
        if self.withdrawn:
            return
        if self.order_id is not None:
            raise TicketHeld("An order holds or has bought this ticket, so it cannot be withdrawn.")
        self.withdrawn = True
        self._change(TicketWithdrawn)

    def set_holder(self, order_id: OrderId | None) -> None:
        """Set the order for which the ticket is reserved or sold. If `order_id` is None, the ticket becomes free.

        An order may hold a withdrawn ticket for a moment, until the orders service cancels the order. The event then
        says again that the ticket is withdrawn, because the type of the newest event decides this for its readers.
        """
        self.order_id = order_id
        self._change(TicketWithdrawn if self.withdrawn else TicketUpdated)

    def sell_to(self, order_id: OrderId) -> None:
        """Give the ticket to a completed order. The sale stands even if the seller has withdrawn the ticket since."""
        self.withdrawn = False
        self.set_holder(order_id)

    def _check_seller(self, user_id: UserId) -> None:
        if user_id != self.user_id:
            raise NotTheSeller("Only its seller can change or withdraw a ticket.")

    def _check_version(self, seen: int | None) -> None:
        if seen is not None and seen != self.version:
            raise TicketChanged(
                f"The ticket has version {self.version}, not {seen}, so nothing was changed. Read the ticket again, "
                "and send your change with its present version.",
                argument="version",
            )

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

    @classmethod
    def from_event(cls, event: TicketEvent) -> Self:
        """Make the ticket in the state that the event reports. The type of the event says whether it is withdrawn."""
        return cls._restored({**event.model_dump(), "withdrawn": isinstance(event, TicketWithdrawn)})

    def current_event(self) -> TicketEvent:
        if self.withdrawn:
            return self.to_event(TicketWithdrawn)
        return self.to_event(TicketCreated if self.version == 1 else TicketUpdated)
