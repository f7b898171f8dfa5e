"""Stores deadlines in MongoDB. A deadline is the time until which the buyer must pay for an order.

At this time, the broker delivers a message (a timer) to the service, and the service reads the stored deadline. If the
deadline is not pending any more, the service does nothing, so a second delivery has no effect. If the clock has not
reached the deadline yet, the service waits for a later delivery. So the service publishes the event ExpirationCompleted
only once, and not too early.
"""

from collections.abc import AsyncIterator
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from common.domain.clock import Clock
from common.domain.errors import VersionConflict
from common.storage.collection import Collection
from common.storage.relay import Relay
from common.storage.repository import AggregateRepository
from expiration.deadline import Deadline, DeadlineStatus

_PENDING = {"status": DeadlineStatus.PENDING.value}
_PAGE = 200


class DeadlineRepository(AggregateRepository[Deadline]):
    def __init__(self, collection: Collection, relay: Relay, clock: Clock) -> None:
        super().__init__(collection, Deadline, relay, clock)

    async def create_indexes(self) -> None:
        await self.collection.create_index(
            [("expires_at", 1), ("_id", 1)], partialFilterExpression=_PENDING, name="pending_deadlines"
        )

    async def add(self, deadline: Deadline) -> None:
        """Store a new deadline.

        If the order already has a deadline, store nothing and raise VersionConflict. Then the caller must read the
        stored deadline, and update it if the event of the order is newer.
        """
        try:
            await super().add(deadline)
        except DuplicateKeyError:
            raise VersionConflict("Another event of this order was handled at the same moment.") from None

    def find_pending(self, *, due_before: datetime | None) -> AsyncIterator[list[Deadline]]:
        """Yield the pending deadlines in pages of at most 200, earliest first.

        If `due_before` is not None, the pages contain only deadlines before this time.
        """
        due = {} if due_before is None else {"expires_at": {"$lt": due_before}}
        return self.find_all({**_PENDING, **due}, sort_by="expires_at", page=_PAGE)
