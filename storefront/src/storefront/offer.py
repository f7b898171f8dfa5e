"""An offer is a ticket together with the answer to the question whether a person can buy it now.

The tickets service and the orders service publish their events independently. Orders decide who holds a ticket, so
their events count. The ticket says who holds it only a moment later.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from common.domain.ids import UserId
from storefront.order_read_model import OrderReadModel, OrderStatus
from storefront.ticket_read_model import TicketReadModel


class Availability(StrEnum):
    ON_SALE = "on-sale"
    HELD = "held"
    SOLD = "sold"
    WITHDRAWN = "withdrawn"
    OVER = "over"
    """The event has begun, so the ticket is off sale."""


@dataclass(frozen=True)
class Offer:
    ticket: TicketReadModel
    availability: Availability
    order: OrderReadModel | None = None
    """The order that holds or has bought the ticket, if its events have arrived."""

    @property
    def held_until(self) -> datetime | None:
        is_held = self.availability is Availability.HELD and self.order is not None
        return self.order.expires_at if is_held and self.order else None

    def is_held_by(self, user_id: UserId | None) -> bool:
        return self.order is not None and self.order.user_id == user_id


def offer_of(ticket: TicketReadModel, orders: Iterable[OrderReadModel], now: datetime) -> Offer:
    """Return the offer of a ticket. `orders` contains its live orders, and the order that holds it for tickets."""
    known = [order for order in orders if order.ticket_id == ticket.id]
    for status, availability in ((OrderStatus.COMPLETED, Availability.SOLD), (OrderStatus.OPEN, Availability.HELD)):
        for order in known:
            if order.status is status:
                return Offer(ticket, availability, order)
    if ticket.withdrawn:
        return Offer(ticket, Availability.WITHDRAWN)
    is_holder_known = any(order.id == ticket.order_id for order in known)  # it is cancelled, so it holds nothing
    is_free = ticket.order_id is None or is_holder_known
    if not is_free:
        return Offer(ticket, Availability.HELD)
    return Offer(ticket, Availability.OVER if ticket.begins <= now.timestamp() else Availability.ON_SALE)
