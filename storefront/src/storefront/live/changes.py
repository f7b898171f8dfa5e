"""What an open page learns: that a ticket has changed, or an order of its reader."""

import json
from dataclasses import dataclass
from typing import Self

from common.domain.ids import UserId
from storefront.formats import decimal, iso, money
from storefront.offer import Offer
from storefront.order_read_model import OrderReadModel


@dataclass(frozen=True)
class Change:
    """One change, as the browser receives it. A later change with the same `key` replaces an earlier one."""

    key: str
    event: str
    """The name of the server-sent event: `ticket` or `order`."""
    data: str
    """JSON. `v` is the position in the event stream up to which the change was read. It never goes back."""
    reader: UserId | None = None
    """The only person who receives it. None: everybody does, so `data` must not name a person or an order."""

    @classmethod
    def of_ticket(cls, offer: Offer, position: int) -> Self:
        ticket = offer.ticket
        data = _json(
            id=ticket.id,
            v=position,
            state=offer.availability.value,
            price=money(ticket.price),
            amount=decimal(ticket.price),
            until=iso(offer.held_until) if offer.held_until else None,
            isNew=ticket.version == 1,
        )
        return cls(f"ticket {ticket.id}", "ticket", data)

    @classmethod
    def of_order(cls, order: OrderReadModel, position: int) -> Self:
        data = _json(id=order.id, v=position)
        return cls(f"order {order.id}", "order", data, reader=order.user_id)


def _json(**values: object) -> str:
    return json.dumps(values, separators=(",", ":"))
