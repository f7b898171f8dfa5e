"""An aggregate that belongs to no service, for tests of what all aggregates share."""

from typing import Self

from common.domain.aggregate import Aggregate
from common.domain.ids import UserId, new_id
from common.events.tickets import TicketCreated, TicketUpdated


class Listing(Aggregate):
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
