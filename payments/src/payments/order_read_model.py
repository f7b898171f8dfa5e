"""What the payments service knows about each order.

The service knows who may pay, how much this buyer must pay, and until when. The service also knows if the order is
open, cancelled or completed.
"""

from datetime import datetime
from enum import StrEnum
from typing import Self

from common.domain.event import Event
from common.domain.ids import UserId
from common.events.orders import OrderCancelled, OrderCompleted, OrderEvent
from common.storage.collection import Collection
from common.storage.read_model import ReadModel, ReadModelRepository


class OrderStatus(StrEnum):
    """The status of an order after an event.

    The type of the event determines this status. The field `status` of the event does not.
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
    expires_at: datetime

    @classmethod
    def from_event(cls, event: Event) -> Self:
        assert isinstance(event, OrderEvent)  # noqa: S101 - this tells the type checker which events are consumed here
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
