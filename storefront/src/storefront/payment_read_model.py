"""The copy of the payments that the pages show. The events of the payments service update it."""

from collections.abc import Collection as Ids
from typing import Self

from pydantic import Field

from common.domain.event import Event
from common.domain.ids import OrderId, UserId
from common.events.payments import PaymentEvent, PaymentRefunded
from common.storage.collection import Collection
from common.storage.read_model import ReadModel, ReadModelRepository


class PaymentReadModel(ReadModel):
    order_id: OrderId
    user_id: UserId = Field(description="The buyer.")
    amount: int = Field(description="Minor units (cents).")
    is_refunded: bool

    @classmethod
    def from_event(cls, event: Event) -> Self:
        assert isinstance(event, PaymentEvent)  # noqa: S101 - this tells the type checker the type of the event
        return cls(
            id=event.id,
            version=event.version,
            order_id=event.order_id,
            user_id=event.user_id,
            amount=event.amount,
            is_refunded=isinstance(event, PaymentRefunded),
        )


class PaymentReadModelRepository(ReadModelRepository[PaymentReadModel]):
    def __init__(self, collection: Collection) -> None:
        super().__init__(collection, PaymentReadModel)

    async def create_indexes(self) -> None:
        await self.collection.create_index([("order_id", 1), ("_id", -1)])

    async def find_of_orders(self, order_ids: Ids[str]) -> dict[str, PaymentReadModel]:
        """Return the newest payment of each of these orders whose card was charged."""
        found = await self.collection.find({"order_id": {"$in": list(order_ids)}}).sort([("_id", 1)]).to_list(None)
        return {payment.order_id: payment for payment in self._documents.read_all(found)}

    async def find_of_order(self, order_id: OrderId) -> PaymentReadModel | None:
        """Return the newest payment of this order, or None if its card was not charged yet."""
        found = await self.collection.find({"order_id": order_id}).sort([("_id", -1)]).limit(1).to_list(1)
        return self._documents.read(found[0]) if found else None
