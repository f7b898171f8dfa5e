"""An aggregate that belongs to no service, for tests of what all aggregates share."""

from typing import Self

from common.domain.aggregate import Aggregate
from common.domain.ids import UserId, new_id
from common.events.tickets import TicketCreated, TicketEvent, TicketUpdated


class Listing(Aggregate[TicketEvent]):
    """A small aggregate for tests."""

    title: str
    price: int = 1
    user_id: UserId

    @classmethod
    def create(cls, title: str) -> Self:
        listing = cls(id=new_id(), title=title, user_id=UserId(new_id()))
        listing._change(TicketCreated)
        return listing

    def rename(self, title: str) -> None:
        self.title = title
        self._change(TicketUpdated)

    def rename_quietly(self, title: str) -> None:
        """A change that other services need not know."""
        self.title = title
        self._change()

    def to_event(self, event_type: type[TicketEvent]) -> TicketEvent:
        return event_type(id=self.id, version=self.version, title=self.title, price=self.price, user_id=self.user_id)

    def current_event(self) -> TicketEvent:
        return self.to_event(TicketUpdated)
