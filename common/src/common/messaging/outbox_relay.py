"""Publishes the events in the outboxes of the aggregates.

A repository writes a change and its event in one document: the event is in the array `outbox` of the aggregate. After
the write it enqueues the event here, and the relay publishes it at once. Outbox polling finds the events that were not
published in this way, because of a crash, a full queue or an outage of the broker. An event is removed from its outbox
only after its stream has acknowledged it.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta

import structlog
from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from common.domain.clock import Clock
from common.domain.errors import DependencyUnavailable
from common.events.envelope import StagedEvent
from common.messaging.publisher import Publisher
from common.storage.collection import Collection

log = structlog.get_logger()

_QUEUE = 10_000
_IN_FLIGHT = 256
"""Limit for the events that are published at once, and for the documents that a poll reads at once."""
_POLL_SECONDS = 2.0
_CLEAR_WINDOW_SECONDS = 0.05
"""Outboxes are cleared in batches. No client waits for it."""
_OVERDUE_AFTER = timedelta(seconds=2)
"""Polling leaves younger events to the queue. It would be harmless to publish one twice."""

Entry = tuple[Collection, str, StagedEvent]


class OutboxRelay:
    """Publishes the events of one service. Nothing else publishes events.

    It works in three loops, which do not end: `publish_forever`, `clear_forever` and `poll_forever`.
    """

    def __init__(self, publisher: Publisher, clock: Clock) -> None:
        self._publisher = publisher
        self._clock = clock
        self._collections: list[Collection] = []
        self._queue: asyncio.Queue[Entry] = asyncio.Queue(_QUEUE)
        self._published: asyncio.Queue[Entry] = asyncio.Queue()
        self._room = asyncio.Semaphore(_IN_FLIGHT)
        self._is_failing = False

    def add_collection(self, collection: Collection) -> None:
        """Include this collection of aggregates in outbox polling."""
        self._collections.append(collection)

    async def create_indexes(self) -> None:
        """Create the index that outbox polling uses."""
        for collection in self._collections:
            # Sparse: it contains only the few documents whose outbox is not empty. A query for "outbox.0" instead of
            # "outbox.id" could not use an index.
            await collection.create_index("outbox.id", sparse=True)

    def enqueue(self, collection: Collection, aggregate_id: str, staged: Iterable[StagedEvent]) -> None:
        """Publish these events soon. If the queue is full, outbox polling will find them."""
        with suppress(asyncio.QueueFull):
            for event in staged:
                self._queue.put_nowait((collection, aggregate_id, event))

    async def publish_forever(self) -> None:
        """Publish the events in the queue, many at once. They begin in the order of the queue."""
        async with asyncio.TaskGroup() as group:
            while True:
                entry = await self._queue.get()
                await self._room.acquire()
                group.create_task(self._publish_one(entry))

    async def _publish_one(self, entry: Entry) -> None:
        try:
            failure = await self._publish(entry)
        finally:
            self._room.release()
        if failure is None:
            self._published.put_nowait(entry)
        else:
            if not self._is_failing:  # only for the first failure in a row: there may be thousands
                log.warning(
                    "publishing failed, events stay in their outboxes", first=entry[2].subject, reason=str(failure)
                )
            self._queue.task_done()
        self._is_failing = failure is not None

    async def clear_forever(self) -> None:
        """Remove published events from their outboxes, in batches."""
        while True:
            batch = [await self._published.get()]
            await asyncio.sleep(_CLEAR_WINDOW_SECONDS)
            while not self._published.empty():
                batch.append(self._published.get_nowait())
            await self._clear(batch)
            for _ in batch:
                self._queue.task_done()

    async def drain(self, within_seconds: float) -> None:
        """Wait until everything in the queue is published, at most so long. The next process publishes the rest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                await self._queue.join()

    async def poll_forever(self) -> None:
        """Poll the outboxes every two seconds. An unavailable dependency is tried again at the next poll."""
        # After a start or a reconnect the queue may lack events of any age, so the next poll looks for all.
        everything = True
        while True:
            try:
                found = await self.poll(timedelta(0) if everything else _OVERDUE_AFTER)
            except (PyMongoError, DependencyUnavailable) as error:
                log.debug("outbox polling failed, retrying", reason=str(error))
            else:
                if found:
                    log.info("outbox polling published events", events=found)
            everything = await self._publisher.reconnected_within(_POLL_SECONDS)

    async def poll(self, overdue_after: timedelta = timedelta(0)) -> int:
        """Publish every event that is in an outbox for longer than this. Return how many were published.

        Stops after the first batch with a failure, whose events are not counted.
        """
        cutoff = self._clock() - overdue_after
        count = 0
        for collection in self._collections:
            while True:
                documents = await collection.find(
                    {"outbox.id": {"$exists": True}, "outbox.staged_at": {"$lte": cutoff}}, {"outbox": 1}
                ).to_list(_IN_FLIGHT)
                batch: list[Entry] = [
                    (collection, document["_id"], StagedEvent.from_document(entry))
                    for document in documents
                    for entry in document["outbox"]
                ]
                if not batch:
                    break
                failures = await asyncio.gather(*map(self._publish, batch), return_exceptions=True)
                published = [entry for entry, failure in zip(batch, failures, strict=True) if failure is None]
                cleared = await self._clear(published)
                if failed := [failure for failure in failures if failure]:
                    log.warning(
                        "publishing failed, events stay in their outboxes", events=len(failed), reason=str(failed[0])
                    )
                if failed or not cleared:
                    return count
                count += len(batch)
        return count

    async def _publish(self, entry: Entry) -> Exception | None:
        """Return None after the stream has acknowledged the event, and the failure otherwise."""
        try:
            await self._publisher.publish(entry[2])
        except Exception as failure:  # noqa: BLE001 - an event that cannot be published must not stop the others
            return failure
        return None

    async def _clear(self, published: list[Entry]) -> bool:
        """Remove published events from their outboxes. Return False if MongoDB failed: they will be published again."""
        clearings: dict[int, tuple[Collection, list[UpdateOne]]] = {}
        for collection, aggregate_id, event in published:
            clear = UpdateOne({"_id": aggregate_id}, {"$pull": {"outbox": {"id": event.id}}})
            clearings.setdefault(id(collection), (collection, []))[1].append(clear)
        try:
            for collection, updates in clearings.values():
                await collection.bulk_write(updates, ordered=False)
        except PyMongoError as error:
            log.warning(
                "clearing outboxes failed, events will be published again", events=len(published), reason=str(error)
            )
            return False
        return True
