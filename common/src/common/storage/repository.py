"""Stores aggregates in MongoDB. A change and its events are one conditional write to one document."""

from typing import Any, Generic, TypeVar

import structlog
from pymongo.errors import DuplicateKeyError

from common.domain.aggregate import Aggregate
from common.domain.clock import Clock
from common.domain.errors import VersionConflict
from common.events.envelope import CAUSE, StagedEvent
from common.storage.collection import Collection, Document
from common.storage.outbox import Outbox

log = structlog.get_logger()

A = TypeVar("A", bound=Aggregate[Any])

_WITHOUT_OUTBOX = {"outbox": 0}


class AggregateRepository(Generic[A]):
    def __init__(self, collection: Collection, aggregate: type[A], outbox: Outbox, clock: Clock) -> None:
        self.collection = collection
        self._aggregate = aggregate
        self._outbox = outbox
        self._clock = clock
        outbox.add_collection(collection)

    async def find(self, aggregate_id: str) -> A | None:
        return await self.find_one({"_id": aggregate_id})

    async def find_one(self, query: Document) -> A | None:
        document = await self.collection.find_one(query, _WITHOUT_OUTBOX)
        return self._aggregate.from_document(document) if document else None

    async def find_page(self, query: Document, *, before: str | None, limit: int) -> tuple[list[A], str | None]:
        """Newest first. The second value is the cursor of the next page: the last id of this one, or None."""
        older = {"_id": {"$lt": before}} if before else {}
        cursor = self.collection.find({**query, **older}, _WITHOUT_OUTBOX).sort([("_id", -1)]).limit(limit + 1)
        page = [self._aggregate.from_document(document) for document in await cursor.to_list(limit + 1)]
        return page[:limit], page[limit - 1].id if len(page) > limit else None

    async def add(self, aggregate: A) -> None:
        """Raises pymongo's DuplicateKeyError if a unique index refuses the aggregate."""
        staged = self._stage(aggregate)
        document = {**aggregate.to_document(), "outbox": [event.to_document() for event in staged]}
        try:
            await self.collection.insert_one(document)
        except DuplicateKeyError as refused:
            # PyMongo's frames refer to the error that refers to them: 65 objects that only a full collection frees.
            raise refused.with_traceback(None) from None
        self._mark_stored(aggregate, staged)

    async def save(self, aggregate: A) -> None:
        """Write the aggregate if its stored version is still the one that was read.

        Raises VersionConflict otherwise, and writes nothing.
        """
        staged = self._stage(aggregate)
        state = aggregate.to_document()
        key = {"_id": state.pop("_id"), "version": aggregate.stored_version}
        update: Document = {"$set": state}
        if staged:
            update["$push"] = {"outbox": {"$each": [event.to_document() for event in staged]}}
        try:
            # An upsert: if the version has changed, it tries to insert, and the key exists. That error belongs to this
            # write alone, so a batch can contain it. Of plain updates, MongoDB reports only how many have matched.
            await self.collection.update_one(key, update, upsert=True)
        except DuplicateKeyError:  # of _id, or of another unique index that MongoDB has checked before
            raise VersionConflict("Another request changed it at the same moment. Read it again, then retry.") from None
        self._mark_stored(aggregate, staged)

    def _stage(self, aggregate: A) -> list[StagedEvent]:
        return [StagedEvent.stage(event, self._clock()) for event in aggregate.recorded]

    def _mark_stored(self, aggregate: A, staged: list[StagedEvent]) -> None:
        aggregate.mark_stored()
        for event in staged:
            log.info("event staged", subject=event.subject, event_id=event.id, cause=event.headers[CAUSE])
        self._outbox.enqueue(self.collection, aggregate.id, staged)
