"""The copy of the orders that the payments service stores for its own use.

The events of the orders service update this copy. For each order, the copy contains the buyer, the price, the time
until which the buyer must pay, and the status.
"""

from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime

from common.domain.event import Event
from common.domain.ids import UserId
from common.events.orders import OrderCancelled, OrderCompleted, OrderEvent
from common.storage.collection import Collection
from common.storage.read_model import ReadModel, ReadModelRepository


class OrderStatus(StrEnum):
    """The status that an order has after an event.

    The method `after` decides this from the type of the event. The method ignores the field `status` of the event,
    because a newer version of the orders service may send a status that this service does not know.
    """

    OPEN = "created"
    CANCELLED = "cancelled"
    COMPLETED = "completed"

    @classmethod
    def after(cls, event: OrderEvent) -> "OrderStatus":
        if isinstance(event, OrderCancelled):
            return cls.CANCELLED
        return cls.COMPLETED if isinstance(event, OrderCompleted) else cls.OPEN


class OrderReadModel(ReadModel):
    user_id: UserId
    price: int
    status: OrderStatus
    expires_at: AwareDatetime

    @classmethod
    def from_event(cls, event: Event) -> Self:
        assert isinstance(event, OrderEvent)  # noqa: S101 - this tells the type checker the type of the event
        return cls(
            id=event.id,
            version=event.version,
            user_id=event.user_id,
            price=event.ticket.price,
            status=OrderStatus.after(event),
            expires_at=event.expires_at,
        )


class OrderReadModelRepository(ReadModelRepository[OrderReadModel]):
    def __init__(self, collection: Collection) -> None:
        super().__init__(collection, OrderReadModel)
