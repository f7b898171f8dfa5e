"""Publishes the events in the outboxes of the aggregates.

An aggregate (for example an order) is one document in MongoDB. Each document has its own outbox, the array `outbox`,
which contains the events that are not published yet. When an aggregate changes, its repository writes the change and
the event about this change into the document with one operation.

After this, the repository also puts the event into the queue of the relay (the class OutboxRelay below), and the relay
publishes the event immediately. Some events are not published in this way, because of a crash, a full queue or an
outage of the broker. The relay finds these events later, because it regularly searches for outboxes that contain events
(this is called outbox polling). The relay removes an event from its outbox only after the stream has acknowledged the
event.
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
"""`publish_forever` publishes at most this number of events from the queue at the same time.

The same number is also a limit for outbox polling, which regularly searches for documents that contain unpublished
events. It reads at most this number of documents with one query.
"""
_POLL_SECONDS = 2.0
_CLEAR_WINDOW_SECONDS = 0.05
"""How long the relay collects published events before it removes them from their outboxes in one batch.

The time begins when the relay takes the first event of the batch from its queue of published events.
"""
_OVERDUE_AFTER = timedelta(seconds=2)
"""Outbox polling normally ignores an outbox if all its events are younger than this.

Outbox polling regularly searches for unpublished events. Events that are younger than this time are probably still in
the queue, and the relay will publish them from there. Only the first poll after a start or a reconnect does not ignore
them. If an event is published twice (once from the queue and once by outbox polling), the stream ignores the second
message.
"""

Entry = tuple[Collection, str, StagedEvent]


class OutboxRelay:
    """Publishes the events of one service. No other code publishes events.

    The relay has three endless loops. `publish_forever` publishes the events in the queue. `clear_forever` removes
    published events from their outboxes. `poll_forever` searches the outboxes for events that are not published yet.
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
        """Add a collection of aggregates, so that outbox polling also searches for events in this collection.

        Each document of the collection has its own outbox, an array of events that are not published yet.
        """
        self._collections.append(collection)

    async def create_indexes(self) -> None:
        """In each collection, create the index with which outbox polling finds documents with unpublished events."""
        for collection in self._collections:
            # The index is sparse, so it contains only the few documents that have an event in their outbox. To find
            # these documents, `poll` asks if the field "outbox.id" exists, which means the id of any event in the
            # outbox. It does not ask for "outbox.0" (the first event), because MongoDB could not use this index then.
            await collection.create_index("outbox.id", sparse=True)

    def enqueue(self, collection: Collection, aggregate_id: str, staged: Iterable[StagedEvent]) -> None:
        """Put the events into the queue, so that they are published soon.

        If the queue is full, `poll_forever` finds these events later in their outboxes and publishes them.
        """
        with suppress(asyncio.QueueFull):
            for event in staged:
                self._queue.put_nowait((collection, aggregate_id, event))

    async def publish_forever(self) -> None:
        """Publish the events in the queue, and wait for new events when the queue is empty.

        The relay does not wait until one event is published before it takes the next event from the queue. It publishes
        up to 256 events at the same time.
        """
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
            if not self._is_failing:  # log only the first of several failures in a row, because there may be many
                log.warning(
                    "publishing failed, events stay in their outboxes", first=entry[2].subject, reason=str(failure)
                )
            self._queue.task_done()
        self._is_failing = failure is not None

    async def clear_forever(self) -> None:
        """Remove the published events from their outboxes, in batches."""
        while True:
            batch = [await self._published.get()]
            await asyncio.sleep(_CLEAR_WINDOW_SECONDS)
            while not self._published.empty():
                batch.append(self._published.get_nowait())
            await self._clear(batch)
            for _ in batch:
                self._queue.task_done()

    async def drain(self, within_seconds: float) -> None:
        """Wait until no event is left in the queue, but not longer than `within_seconds`.

        The service calls this method when it stops. During this time, the relay publishes the events in the queue and
        removes them from their outboxes. The events that it cannot publish in this time stay in their outboxes. Another
        process of the service, or the process that is started next, finds and publishes them with outbox polling.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                await self._queue.join()

    async def poll_forever(self) -> None:
        """Poll the outboxes every two seconds, and immediately after each reconnect to NATS.

        Polling means that the relay searches for documents with events in their outboxes and publishes these events. If
        MongoDB or NATS is unavailable, the relay tries again two seconds later.
        """
        # Normally, an event that is younger than _OVERDUE_AFTER is still in the queue. After a start or a reconnect, it
        # may not be in the queue, because the previous process has stopped or because publishing has failed. So the
        # first poll after a start or a reconnect publishes events of any age.
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
        """Find each outbox with an event that is older than `overdue_after`, and publish all events of this outbox.

        Return the number of published events. The poll works in batches. A batch contains the events of the documents
        that one query has found. If an event of a batch cannot be published, or cannot be removed from its outbox, the
        poll stops after this batch, and the events of this batch are not counted.
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
        """Publish the event. Return None if the stream has acknowledged the event. Otherwise return the error."""
        try:
            await self._publisher.publish(entry[2])
        except Exception as failure:  # noqa: BLE001 - after this failure, the relay must still publish other events
            return failure
        return None

    async def _clear(self, published: list[Entry]) -> bool:
        """Remove the published events from their outboxes.

        Return False if MongoDB failed. Then some events stay in their outboxes, and the relay publishes them again
        later. This is safe, because a handler that receives the same event twice does not change the data twice.
        """
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
