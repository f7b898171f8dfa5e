"""The copy of the tickets that the orders service stores for its own use.

The events of the tickets service update this copy. With the copy, the orders service can place an order without a call
to the tickets service.
"""

from datetime import datetime
from typing import Self

from common.domain.event import Event
from common.domain.ids import TicketId, UserId
from common.domain.zoned_time import utc_of, zoned_time
from common.events.orders import OrderedTicket
from common.events.tickets import TicketEvent, TicketWithdrawn
from common.storage.collection import Collection
from common.storage.read_model import ReadModel, ReadModelRepository


class TicketReadModel(ReadModel):
    title: str
    price: int
    user_id: UserId
    """The id of the seller."""
    starts_at: str | None = None
    """When the event of the ticket begins, as in TicketEvent."""
    withdrawn: bool = False
    """True if the seller has withdrawn the ticket. The type of the event says this, not one of its fields."""

    @classmethod
    def from_event(cls, event: Event) -> Self:
        assert isinstance(event, TicketEvent)  # noqa: S101 - this tells the type checker the type of the event
        return cls.model_validate({**event.model_dump(), "withdrawn": isinstance(event, TicketWithdrawn)})

    def has_begun(self, now: datetime) -> bool:
        """Return True if the event of the ticket begins at `now` or earlier.

        Return False if we do not know when it begins. This is also the case if a newer version of the tickets service
        has sent a time that this version cannot read.
        """
        try:
            return self.starts_at is not None and utc_of(zoned_time(self.starts_at)) <= now
        except ValueError:
            return False

    def as_ordered(self) -> OrderedTicket:
        return OrderedTicket(id=TicketId(self.id), title=self.title, price=self.price, version=self.version)


class TicketReadModelRepository(ReadModelRepository[TicketReadModel]):
    def __init__(self, collection: Collection) -> None:
        super().__init__(collection, TicketReadModel)
