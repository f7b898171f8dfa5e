"""Stores orders in MongoDB."""

from pymongo.errors import DuplicateKeyError

from common.domain.clock import Clock
from common.domain.errors import Conflict
from common.domain.ids import TicketId, UserId
from common.storage.collection import Collection
from common.storage.relay import Relay
from common.storage.requested_repository import RequestedRepository
from orders.order import Order, OrderStatus

_LIVE = {"$in": [status.value for status in OrderStatus if status.is_live]}


class TicketNotAvailable(Conflict):
    """The ticket is reserved or sold for another order."""

    code = "ticket-not-available"
    title = "The ticket is not available"


class AlreadyOrdered(Conflict):
    """The ticket is reserved or sold for another order of the same buyer. The detail says the id of that order."""

    code = "already-ordered"
    title = "You have ordered this ticket already"


class OrderRepository(RequestedRepository[Order]):
    def __init__(self, collection: Collection, relay: Relay, clock: Clock) -> None:
        super().__init__(collection, Order, relay, clock)

    async def create_indexes(self) -> None:
        await super().create_indexes()
        # An order is live if it is open or completed. Because of this index, MongoDB refuses a second live order for
        # the same ticket. So a ticket is never reserved or sold for two orders at the same time.
        await self.collection.create_index(
            "ticket.id", unique=True, partialFilterExpression={"status": _LIVE}, name="one_live_order_a_ticket"
        )
        await self.collection.create_index([("user_id", 1), ("_id", -1)])

    async def add(self, order: Order) -> None:
        """Store a new order.

        Store nothing and raise TicketNotAvailable if the ticket is reserved or sold for another order. This method
        raises the same error if another order, even a cancelled order, has the same `request_key`. The caller can find
        that order with `find_by_request`.
        """
        try:
            await super().add(order)
        except DuplicateKeyError:
            raise TicketNotAvailable("Somebody else has ordered this ticket.") from None

    async def find_holder(self, ticket_id: TicketId) -> Order | None:
        """Return the holder (the order for which the ticket is reserved or sold), or None if there is no such order."""
        return await self.find_one({"ticket.id": ticket_id, "status": _LIVE})

    async def find_of_buyer(self, buyer: UserId, *, before: str | None, limit: int) -> tuple[list[Order], str | None]:
        return await self.find_page({"user_id": buyer}, before=before, limit=limit)
