"""Aggregates in MongoDB: a change and the events it records are one conditional write on one document."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import structlog
from pymongo.errors import DuplicateKeyError

from common.domain.aggregate import Aggregate
from common.domain.clock import Clock
from common.domain.errors import VersionConflict
from common.events.envelope import CAUSE, StagedEvent
from common.messaging.outbox_relay import OutboxRelay
from common.storage.collection import Collection, Document

log = structlog.get_logger()

A = TypeVar("A", bound=Aggregate[Any])
T = TypeVar("T")

_NOT_THE_OUTBOX = {"outbox": 0}


class AggregateRepository(Generic[A]):
    def __init__(self, collection: Collection, aggregate: type[A], relay: OutboxRelay, clock: Clock) -> None:
        self.collection = collection
        self._aggregate = aggregate
        self._relay = relay
        self._clock = clock
        relay.add_collection(collection)

    async def find(self, aggregate_id: str) -> A | None:
        return await self.find_one({"_id": aggregate_id})

    async def find_one(self, query: Document) -> A | None:
        document = await self.collection.find_one(query, _NOT_THE_OUTBOX)
        return self._aggregate.from_document(document) if document else None

    async def find_page(self, query: Document, *, before: str | None, limit: int) -> tuple[list[A], str | None]:
        """Newest first, with the cursor of the next page: the id of the last one; None on the last page."""
        older = {"_id": {"$lt": before}} if before else {}
        cursor = self.collection.find({**query, **older}, _NOT_THE_OUTBOX).sort([("_id", -1)]).limit(limit + 1)
        page = [self._aggregate.from_document(document) for document in await cursor.to_list(limit + 1)]
        return page[:limit], page[limit - 1].id if len(page) > limit else None

    async def add(self, aggregate: A) -> None:
        """Raises pymongo's DuplicateKeyError where a unique index decides against it."""
        staged = self._stage(aggregate)
        document = {**aggregate.to_document(), "outbox": [event.to_document() for event in staged]}
        try:
            await self.collection.insert_one(document)
        except DuplicateKeyError as refused:
            # PyMongo's frames hold the error that leads to them: 65 objects that only a full collection would free.
            raise refused.with_traceback(None) from None
        self._stored(aggregate, staged)

    async def save(self, aggregate: A) -> None:
        """Write only over the version that was read. Raises VersionConflict, with nothing written, when it is gone."""
        staged = self._stage(aggregate)
        state = aggregate.to_document()
        key = {"_id": state.pop("_id"), "version": aggregate.stored_version}
        update: Document = {"$set": state}
        if staged:
            update["$push"] = {"outbox": {"$each": [event.to_document() for event in staged]}}
        try:
            # Why an upsert: where the version is another one by now, it tries to insert, and the key is taken. That is
            # an error of this write alone, and so it can travel with others, of which only the sum of matches is told.
            await self.collection.update_one(key, update, upsert=True)
        except DuplicateKeyError:  # by whichever unique index notices it first
            raise VersionConflict(
                "Somebody else changed it at the same moment. Look at it again, then retry."
            ) from None
        self._stored(aggregate, staged)

    def _stage(self, aggregate: A) -> list[StagedEvent]:
        return [StagedEvent.stage(event, self._clock()) for event in aggregate.recorded]

    def _stored(self, aggregate: A, staged: list[StagedEvent]) -> None:
        aggregate.mark_stored()
        for event in staged:
            log.info("staged", subject=event.subject, event_id=event.id, cause=event.headers[CAUSE])
        self._relay.enqueue(self.collection, aggregate.id, staged)


async def retry_lost_races(use_case: Callable[[], Awaitable[T]], *, attempts: int = 10) -> T:
    """Run a use case again, from its read on, when another one wrote first. Raises VersionConflict after the last attempt."""
    for _ in range(attempts - 1):
        try:
            return await use_case()
        except VersionConflict:
            continue
    return await use_case()
