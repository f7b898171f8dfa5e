"""What the tickets service knows about each order: if the order is live, and which ticket it is for."""

from typing import Self

from pydantic import Field

from common.domain.event import Event
from common.domain.ids import OrderId, TicketId
from common.events.orders import OrderCancelled, OrderEvent
from common.storage.collection import Collection
from common.storage.read_model import ReadModel, ReadModelRepository


class OrderReadModel(ReadModel):
    ticket_id: TicketId
    is_live: bool = Field(description="True if the order is open or completed, because such an order holds its ticket.")

    @classmethod
    def from_event(cls, event: Event) -> Self:
        assert isinstance(event, OrderEvent)  # noqa: S101 - this tells the type checker which events are consumed here
        return cls(
            id=event.id, version=event.version, ticket_id=event.ticket.id, is_live=not isinstance(event, OrderCancelled)
        )


class OrderReadModelRepository(ReadModelRepository[OrderReadModel]):
    def __init__(self, collection: Collection) -> None:
        super().__init__(collection, OrderReadModel)

    async def create_indexes(self) -> None:
        # A ticket can have had many orders, but at most one or two of them are live. So this index contains only the
        # live orders and stays small.
        await self.collection.create_index("ticket_id", partialFilterExpression={"is_live": True})

    async def is_live(self, order_id: OrderId) -> bool:
        order = await self.find(order_id)
        return order is not None and order.is_live

    async def live_order_of(self, ticket_id: TicketId) -> OrderId | None:
        """Return the id of a live order for the ticket, or None if there is no such order.

        If one of two orders has been cancelled, but the event of its cancellation has not arrived yet, both orders are
        live here. Then this method returns any of the two.
        """
        document = await self.collection.find_one({"ticket_id": ticket_id, "is_live": True})
        return OrderId(document["_id"]) if document else None
