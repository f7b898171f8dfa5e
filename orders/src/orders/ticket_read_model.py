"""The copy of the tickets that the orders service stores for its own use.

The events of the tickets service update this copy. With the copy, the orders service can place an order without a call
to the tickets service.
"""

from common.domain.ids import TicketId, UserId
from common.events.orders import OrderedTicket
from common.storage.collection import Collection
from common.storage.read_model import ReadModel, ReadModelRepository


class TicketReadModel(ReadModel):
    title: str
    price: int
    user_id: UserId
    """The id of the seller."""

    def as_ordered(self) -> OrderedTicket:
        return OrderedTicket(id=TicketId(self.id), title=self.title, price=self.price, version=self.version)


class TicketReadModelRepository(ReadModelRepository[TicketReadModel]):
    def __init__(self, collection: Collection) -> None:
        super().__init__(collection, TicketReadModel)
