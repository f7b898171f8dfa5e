"""The copy of the orders that the tickets service stores for its own use.

The events of the orders service update this copy. For each order, the copy contains the id of the ticket, and whether
the order is live. An order is live until it is cancelled, so completed orders are also live.
"""

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
        assert isinstance(event, OrderEvent)  # noqa: S101 - this tells the type checker the type of the event
        return cls(
            id=event.id, version=event.version, ticket_id=event.ticket.id, is_live=not isinstance(event, OrderCancelled)
        )


class OrderReadModelRepository(ReadModelRepository[OrderReadModel]):
    def __init__(self, collection: Collection) -> None:
        super().__init__(collection, OrderReadModel)

    async def create_indexes(self) -> None:
        # Over time, a ticket can have many orders, but usually only one of them is live (not cancelled). The index
        # contains only live orders, so it stays small.
        await self.collection.create_index("ticket_id", partialFilterExpression={"is_live": True})

    async def is_live(self, order_id: OrderId) -> bool:
        order = await self.find(order_id)
        return order is not None and order.is_live

    async def live_order_of(self, ticket_id: TicketId) -> OrderId | None:
        """Return the id of an order for the ticket that is live (not cancelled), or None if there is no such order.

        The collection may contain two live orders for one ticket. This happens if the orders service has cancelled one
        of them, but the event of the cancellation has not arrived here yet. Then this method returns one of the two
        orders. If this is the cancelled one, the service corrects the mistake when the event arrives.
        """
        document = await self.collection.find_one({"ticket_id": ticket_id, "is_live": True})
        return OrderId(document["_id"]) if document else None
