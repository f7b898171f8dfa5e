"""Stores deadlines in MongoDB. A deadline is the time until which the buyer must pay for an order.

At this time, the broker delivers a message (a timer) to the service, and the service reads the stored deadline. If the
deadline is not pending any more, the service does nothing, so a second delivery has no effect. If the clock has not
reached the deadline yet, the service waits for a later delivery. So the service publishes the event ExpirationCompleted
only once, and not too early.
"""

from datetime import datetime

from pymongo.errors import DuplicateKeyError

from common.domain.clock import Clock
from common.domain.errors import VersionConflict
from common.storage.collection import Collection
from common.storage.relay import Relay
from common.storage.repository import AggregateRepository
from expiration.deadline import Deadline, DeadlineStatus

_PENDING = {"status": DeadlineStatus.PENDING.value}


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

    async def find_pending(self, *, due_before: datetime | None, after: Deadline | None, limit: int) -> list[Deadline]:
        """Return a page of pending deadlines, earliest first.

        If `due_before` is not None, the page contains only deadlines before this time. `after` is the last deadline of
        the previous page. For the first page, `after` is None.
        """
        query: dict[str, object] = dict(_PENDING)
        if due_before is not None:
            query["expires_at"] = {"$lt": due_before}
        if after is not None:
            later = {"expires_at": {"$gt": after.expires_at}}
            same_time = {"expires_at": after.expires_at, "_id": {"$gt": after.id}}
            query["$or"] = [later, same_time]
        cursor = self.collection.find(query, {"outbox": 0}).sort([("expires_at", 1), ("_id", 1)]).limit(limit)
        return [Deadline.from_document(document) for document in await cursor.to_list(limit)]
