"""The copy of the orders that the pages show. The events of the orders service update it."""

from collections.abc import Collection as Ids
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, Field

from common.domain.event import Event
from common.domain.ids import OrderId, TicketId, UserId, made_at
from common.events.orders import OrderCancelled, OrderCompleted, OrderEvent
from common.storage.collection import Collection, Document
from common.storage.read_model import ReadModel, ReadModelRepository


class OrderStatus(StrEnum):
    OPEN = "open"
    CANCELLED = "cancelled"
    COMPLETED = "completed"

    @classmethod
    def after(cls, event: OrderEvent) -> "OrderStatus":
        """Return the status that an order has after this event. The type of the event decides (see OrderEvent)."""
        if isinstance(event, OrderCancelled):
            return cls.CANCELLED
        return cls.COMPLETED if isinstance(event, OrderCompleted) else cls.OPEN


class OrderReadModel(ReadModel):
    user_id: UserId = Field(description="The buyer.")
    ticket_id: TicketId
    title: str
    price: int = Field(description="What the buyer pays, in minor units (cents).")
    status: OrderStatus
    is_live: bool = Field(description="True if the order is open or completed, because such an order holds its ticket.")
    expires_at: AwareDatetime
    extensions_left: int = Field(default=0, description="How often the buyer can still ask for more time.")
    cancel_reason: str | None = Field(default=None, description="Why the order was cancelled, as in OrderEvent.")

    @property
    def ordered_at(self) -> datetime:
        return made_at(self.id)

    @classmethod
    def from_event(cls, event: Event) -> Self:
        assert isinstance(event, OrderEvent)  # noqa: S101 - this tells the type checker the type of the event
        status = OrderStatus.after(event)
        return cls(
            id=event.id,
            version=event.version,
            user_id=event.user_id,
            ticket_id=event.ticket.id,
            title=event.ticket.title,
            price=event.ticket.price,
            status=status,
            is_live=status is not OrderStatus.CANCELLED,
            expires_at=event.expires_at,
            extensions_left=event.extensions_left or 0,
            cancel_reason=event.cancel_reason,
        )


class OrderReadModelRepository(ReadModelRepository[OrderReadModel]):
    def __init__(self, collection: Collection) -> None:
        super().__init__(collection, OrderReadModel)

    async def create_indexes(self) -> None:
        await self.collection.create_index([("user_id", 1), ("_id", -1)])
        await self.collection.create_index("ticket_id", partialFilterExpression={"is_live": True})

    async def find_of_buyer(self, buyer: UserId, *, before: str | None, limit: int) -> list[OrderReadModel]:
        """Return a page of the orders of one buyer, newest first."""
        older = {"_id": {"$lt": before}} if before else {}
        return await self._find({"user_id": buyer, **older}, limit)

    async def find_live_of(self, ticket_ids: Ids[str]) -> list[OrderReadModel]:
        """Return the orders that hold or have bought one of these tickets."""
        return await self._find({"ticket_id": {"$in": list(ticket_ids)}, "is_live": True}) if ticket_ids else []

    async def find_many(self, ids: Ids[str]) -> list[OrderReadModel]:
        return await self._find({"_id": {"$in": list(ids)}}) if ids else []

    async def completed_prices(self, ids: Ids[OrderId]) -> list[int]:
        """Return what the completed ones among these orders cost."""
        completed = {"_id": {"$in": list(ids)}, "status": OrderStatus.COMPLETED.value}
        found = await self.collection.find(completed, {"price": 1}).to_list(None)
        return [document["price"] for document in found]

    async def _find(self, wanted: Document, limit: int = 0) -> list[OrderReadModel]:
        found = await self.collection.find(wanted).sort([("_id", -1)]).limit(limit).to_list(None)
        return self._documents.read_all(found)
