"""Stores aggregates in MongoDB.

A change of an aggregate and the events for this change are stored together, with one write to one document. The write
succeeds only if no other request has changed the aggregate in the meantime.
"""

from collections.abc import AsyncIterator
from typing import Any, Generic, TypeVar

import structlog
from pymongo.errors import DuplicateKeyError

from common.domain.aggregate import Aggregate
from common.domain.clock import Clock
from common.domain.errors import VersionConflict
from common.events.envelope import CAUSE, StagedEvent
from common.storage.collection import Collection, Document
from common.storage.document_reader import DocumentReader
from common.storage.relay import Relay

log = structlog.get_logger()

A = TypeVar("A", bound=Aggregate[Any])

_WITHOUT_OUTBOX = {"outbox": 0}


class AggregateRepository(Generic[A]):
    def __init__(self, collection: Collection, aggregate: type[A], relay: Relay, clock: Clock) -> None:
        self.collection = collection
        self._documents = DocumentReader(collection.name, aggregate.from_document)
        self._relay = relay
        self._clock = clock
        relay.add_collection(collection)

    async def find(self, aggregate_id: str) -> A | None:
        return await self.find_one({"_id": aggregate_id})

    async def find_one(self, query: Document) -> A | None:
        """Return the aggregate that the query finds, or None. Raises UnreadableDocument."""
        document = await self.collection.find_one(query, _WITHOUT_OUTBOX)
        return self._documents.read(document) if document else None

    async def find_page(self, query: Document, *, before: str | None, limit: int) -> tuple[list[A], str | None]:
        """Return one page of aggregates, the newest first, and the cursor of the next page.

        The cursor is the id of the last document on this page. It is None if there is no next page. To get the next
        page, pass the cursor as `before`. The page leaves out unreadable documents. So it may contain fewer than
        `limit` aggregates, or none, although there is a next page.
        """
        # The condition {"$gte": ""} matches each id that is a text, so it leaves out a document with another type of
        # id. No service writes such a document, and its id could not be the cursor of the next page.
        older = {"_id": {"$lt": before} if before else {"$gte": ""}}
        cursor = self.collection.find({**query, **older}, _WITHOUT_OUTBOX).sort([("_id", -1)]).limit(limit + 1)
        documents = await cursor.to_list(limit + 1)
        page = self._documents.read_all(documents[:limit])
        return page, documents[limit - 1]["_id"] if len(documents) > limit else None

    async def find_all(self, query: Document, *, sort_by: str, page: int) -> AsyncIterator[list[A]]:
        """Yield all aggregates that the query finds, in pages of at most `page` aggregates, sorted by one field.

        Each page is read when the caller asks for it. The pages leave out unreadable documents. The caller must ask for
        the next page within 10 minutes, because after this time MongoDB forgets the query.
        """
        cursor = self.collection.find(query, _WITHOUT_OUTBOX).sort([(sort_by, 1), ("_id", 1)])
        while documents := await cursor.to_list(page):
            yield self._documents.read_all(documents)

    async def add(self, aggregate: A) -> None:
        """Store a new aggregate and its events.

        Raises pymongo's DuplicateKeyError if a unique index does not allow this aggregate.
        """
        staged = self._stage(aggregate)
        document = {**aggregate.to_document(), "outbox": [event.to_document() for event in staged]}
        try:
            await self.collection.insert_one(document)
        except DuplicateKeyError as refused:
            # The error and PyMongo's stack frames refer to each other. Without `with_traceback(None)`, only the garbage
            # collector could free them, and its work takes time.
            raise refused.with_traceback(None) from None
        self._mark_stored(aggregate, staged)

    async def save(self, aggregate: A) -> None:
        """Store the changed aggregate and its events if nobody else has changed the aggregate in the meantime.

        The document in the database must still have the version `stored_version` of the aggregate. If the document has
        another version, this method writes nothing and raises VersionConflict.
        """
        staged = self._stage(aggregate)
        state = aggregate.to_document()
        key = {"_id": state.pop("_id"), "version": aggregate.stored_version}
        update: Document = {"$set": state}
        if staged:
            update["$push"] = {"outbox": {"$each": [event.to_document() for event in staged]}}
        try:
            # We use an upsert to detect a version conflict. If the version has changed, no document matches, so MongoDB
            # tries to insert one with the same _id and reports a duplicate key. This also works if the collection sends
            # several writes in one batch, because MongoDB says which write has failed. For a batch of updates without
            # `upsert`, MongoDB would report only the total number of matches.
            await self.collection.update_one(key, update, upsert=True)
        except DuplicateKeyError:
            # The upsert has tried to insert the whole state. So after a version conflict, the error may be about the
            # index of _id or about another unique index, and we do not check which. Without a version conflict, this
            # error cannot happen, because a change never gives an aggregate a new value in a field with a unique index.
            raise VersionConflict("Another request changed it at the same moment. Read it again, then retry.") from None
        self._mark_stored(aggregate, staged)

    def _stage(self, aggregate: A) -> list[StagedEvent]:
        return [StagedEvent.stage(event, self._clock()) for event in aggregate.recorded]

    def _mark_stored(self, aggregate: A, staged: list[StagedEvent]) -> None:
        aggregate.mark_stored()
        for event in staged:
            log.info("event staged", subject=event.subject, event_id=event.id, cause=event.headers[CAUSE])
        self._relay.enqueue(self.collection, aggregate.id, staged)
