"""What payments remembers of each order: who may pay how much, until when, and whether it still makes sense."""

from datetime import datetime
from typing import Self

from common.domain.ids import UserId
from common.events.base import Event
from common.events.orders import OrderEvent, OrderStatus
from common.storage.collection import Collection
from common.storage.read_model import ReadModel, ReadModelRepository


class OrderReadModel(ReadModel):
    user_id: UserId
    price: int
    status: OrderStatus
    expires_at: datetime

    @classmethod
    def from_event(cls, event: Event) -> Self:
        assert isinstance(event, OrderEvent)  # noqa: S101 - for the type checker: no other event is consumed here
        return cls(
            id=event.id,
            version=event.version,
            user_id=event.user_id,
            price=event.ticket.price,
            status=event.status,
            expires_at=event.expires_at,
        )


class OrderReadModelRepository(ReadModelRepository[OrderReadModel]):
    def __init__(self, collection: Collection) -> None:
        super().__init__(collection, OrderReadModel)
