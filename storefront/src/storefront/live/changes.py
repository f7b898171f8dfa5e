"""What an open page learns: that a ticket has changed, or an order or a listing of its reader."""

import json
from dataclasses import dataclass
from typing import Self

from common.domain.ids import UserId
from storefront.formats import decimal, event_time, iso, money, place_parts
from storefront.offer import Offer
from storefront.order_read_model import OrderReadModel
from storefront.ticket_read_model import TicketReadModel


@dataclass(frozen=True, slots=True)
class Change:
    """One change, encoded once for all browsers. A later change with the same `key` replaces an earlier one.

    The name of the server-sent event is `ticket`, `order` or `listing`. Its data is JSON. The field `v` is the
    position in the event stream up to which the change was read.
    """

    key: str
    encoded: bytes
    reader: UserId | None = None
    """The only person who receives it. None: everybody does, so it must not name a person or an order."""

    @classmethod
    def of_ticket(cls, offer: Offer, position: int, *, is_new: bool = False) -> Self:
        """Return the change of a ticket: all that a page shows of it. `is_new` says that it has just been listed."""
        ticket = offer.ticket
        optional = {
            "venue": ticket.venue,
            "place": place_parts(ticket.place),
            "startsAt": ticket.starts_at,
            "when": event_time(ticket.starts_at) if ticket.starts_at else None,
        }
        encoded = encode(
            "ticket",
            id=ticket.id,
            v=position,
            state=offer.availability.value,
            price=money(ticket.price),
            amount=decimal(ticket.price),
            until=iso(offer.held_until) if offer.held_until else None,
            isNew=is_new,
            title=ticket.title,
            **{name: value for name, value in optional.items() if value},
        )
        return cls(f"ticket {ticket.id}", encoded)

    @classmethod
    def of_order(cls, order: OrderReadModel, position: int) -> Self:
        return cls(f"order {order.id}", encode("order", id=order.id, v=position), reader=order.user_id)

    @classmethod
    def of_listing(cls, ticket: TicketReadModel, position: int) -> Self:
        """Return that a listing of this seller has changed. Their list loads again, because its sum may differ, too."""
        return cls(f"listing {ticket.id}", encode("listing", id=ticket.id, v=position), reader=ticket.user_id)


def encode(event: str, **values: object) -> bytes:
    """Encode a server-sent event without an id. JSON contains no line breaks, so the data is one line."""
    return f"event: {event}\ndata: {json.dumps(values, separators=(',', ':'))}\n\n".encode()
