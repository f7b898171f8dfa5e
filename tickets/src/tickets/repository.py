"""Stores tickets in MongoDB."""

from pymongo.errors import DuplicateKeyError

from common.domain.clock import Clock
from common.domain.errors import VersionConflict
from common.storage.collection import Collection
from common.storage.relay import Relay
from common.storage.requested_repository import RequestedRepository
from tickets.ticket import Ticket


class TicketRepository(RequestedRepository[Ticket]):
    def __init__(self, collection: Collection, relay: Relay, clock: Clock) -> None:
        super().__init__(collection, Ticket, relay, clock)

    async def create_indexes(self) -> None:
        await super().create_indexes()
        # MongoDB uses this index for the list of tickets on sale. Its query selects the tickets without an order
        # (`order_id` is null) and sorts them by `_id`, newest first.
        await self.collection.create_index([("order_id", 1), ("_id", -1)])

    async def add(self, ticket: Ticket) -> None:
        """Store a new ticket. Store nothing and raise VersionConflict if another ticket has the same `request_key`."""
        try:
            await super().add(ticket)
        except DuplicateKeyError:
            raise VersionConflict("Another request with this Idempotency-Key has listed a ticket.") from None

    async def find_free(self, *, before: str | None, limit: int) -> tuple[list[Ticket], str | None]:
        """Return a page of the tickets that no order holds, newest first, and the cursor of the next page."""
        # Documents of older versions lack the field `withdrawn`.
        return await self.find_page({"order_id": None, "withdrawn": {"$ne": True}}, before=before, limit=limit)
