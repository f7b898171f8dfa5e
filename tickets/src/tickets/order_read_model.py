"""What tickets knows of each order: whether it is live, and which ticket it is for."""

from typing import Self

from pydantic import Field

from common.domain.event import Event
from common.domain.ids import OrderId, TicketId
from common.events.orders import OrderCancelled, OrderEvent
from common.storage.collection import Collection
from common.storage.read_model import ReadModel, ReadModelRepository


class OrderReadModel(ReadModel):
    ticket_id: TicketId
    is_live: bool = Field(description="Open or completed: it holds its ticket.")

    @classmethod
    def from_event(cls, event: Event) -> Self:
        assert isinstance(event, OrderEvent)  # noqa: S101 - for the type checker: no other event is consumed here
        return cls(
            id=event.id, version=event.version, ticket_id=event.ticket.id, is_live=not isinstance(event, OrderCancelled)
        )


class OrderReadModelRepository(ReadModelRepository[OrderReadModel]):
    def __init__(self, collection: Collection) -> None:
        super().__init__(collection, OrderReadModel)

    async def create_indexes(self) -> None:
        # Partial: a ticket may have had any number of orders, of which at most one or two are live.
        await self.collection.create_index("ticket_id", partialFilterExpression={"is_live": True})

    async def is_live(self, order_id: OrderId) -> bool:
        order = await self.find(order_id)
        return order is not None and order.is_live

    async def live_order_of(self, ticket_id: TicketId) -> OrderId | None:
        """A live order for the ticket, or None. There are two only while a cancellation has not arrived yet."""
        document = await self.collection.find_one({"ticket_id": ticket_id, "is_live": True})
        return OrderId(document["_id"]) if document else None
