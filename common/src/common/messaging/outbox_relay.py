"""Publishes the events in the outboxes of the aggregates.

An aggregate (for example an order) is one document in MongoDB. Each document has its own outbox, the array `outbox`,
which contains the events that are not published yet. When an aggregate changes, its repository writes the change and
the event about this change into the document with one operation.

After this, the repository also puts the event into the queue of the relay (the class OutboxRelay below), and the relay
publishes the event immediately. Some events are not published in this way, because of a crash, a full queue or an
outage of the broker. The relay finds these events later, because it regularly searches for outboxes that contain events
(this is called outbox polling). The relay removes an event from its outbox only after the stream has acknowledged the
event.

The relay never looks at a clock to decide which events it publishes. So it also publishes events that were stored while
the clock of the machine was wrong.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

import structlog
from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from common.domain.errors import DependencyUnavailable
from common.events.envelope import StagedEvent
from common.messaging.outbox import outbox_entries, outbox_reader
from common.messaging.publisher import Publisher
from common.messaging.publishing_health import PublishingHealth
from common.storage.collection import Collection
from common.storage.document_reader import DocumentReader

log = structlog.get_logger()

_QUEUE = 10_000
_IN_FLIGHT = 256
"""`publish_forever` publishes at most this number of events from the queue at the same time.

The same number is also a limit for outbox polling, which regularly searches for documents that contain unpublished
events. It reads at most this number of documents at once.
"""
_POLL_SECONDS = 2.0
_RETRY_SECONDS = 0.5
"""Outbox polling waits only for this time while publishing fails, so that the service soon accepts changes again."""
_CLEAR_WINDOW_SECONDS = 0.05
"""How long the relay collects published events before it removes them from their outboxes in one batch.

The time begins when the relay takes the first event of the batch from its queue of published events.
"""
Entry = tuple[Collection, str, StagedEvent]


class OutboxRelay:
    """Publishes the events of one service. No other code publishes events.

    The relay has three endless loops. `publish_forever` publishes the events in the queue. `clear_forever` removes
    published events from their outboxes. `poll_forever` searches the outboxes for events that are not published yet.
    """

    def __init__(self, publisher: Publisher, health: PublishingHealth | None = None) -> None:
        self._publisher = publisher
        self._collections: list[tuple[Collection, DocumentReader[StagedEvent]]] = []
        self._queue: asyncio.Queue[Entry] = asyncio.Queue(_QUEUE)
        self._queued: set[str] = set()
        """The ids of the events in the queue, and of the published events that are not removed from their outboxes yet.

        Outbox polling ignores these events.
        """
        self._published: asyncio.Queue[Entry] = asyncio.Queue()
        self.health = health or PublishingHealth()

    def add_collection(self, collection: Collection) -> None:
        """Add a collection of aggregates, so that outbox polling also searches for events in this collection.

        Each document of the collection has its own outbox, an array of events that are not published yet.
        """
        self._collections.append((collection, outbox_reader(collection.name)))

    @property
    def collections(self) -> list[Collection]:
        """The collections of the aggregates that this service owns."""
        return [collection for collection, _ in self._collections]

    async def create_indexes(self) -> None:
        """In each collection, create the index with which outbox polling finds documents with unpublished events."""
        for collection, _ in self._collections:
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
                self._queued.add(event.id)
                self.health.note_waiting(event.id)

    async def publish_forever(self) -> None:
        """Publish the events in the queue, and wait for new events when the queue is empty.

        The relay does not wait until one event is published before it takes the next event from the queue. It publishes
        up to 256 events at the same time.
        """
        room = asyncio.Semaphore(_IN_FLIGHT)
        async with asyncio.TaskGroup() as group:
            while True:
                await room.acquire()
                entry = await self._queue.get()
                task = group.create_task(self._publish(entry))
                # A callback is called even if the task is cancelled before its first step, because another one failed.
                task.add_done_callback(partial(self._after_publishing, entry, room))

    def _after_publishing(self, entry: Entry, room: asyncio.Semaphore, task: asyncio.Task[Exception | None]) -> None:
        room.release()
        if not task.cancelled() and task.exception() is None and task.result() is None:
            self._published.put_nowait(entry)
        else:
            self._forget(entry)

    async def clear_forever(self) -> None:
        """Remove the published events from their outboxes, in batches."""
        while True:
            batch = [await self._published.get()]
            try:
                await asyncio.sleep(_CLEAR_WINDOW_SECONDS)
                while not self._published.empty():
                    batch.append(self._published.get_nowait())
                await self._clear(batch)
            finally:
                for entry in batch:
                    self._forget(entry)

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

        Polling means that the relay searches for documents with events in their outboxes and publishes these events.
        While publishing fails, the relay tries again every half a second.
        """
        while True:
            try:
                found = await self.poll()
            except (PyMongoError, DependencyUnavailable) as error:
                log.debug("outbox polling failed, retrying", reason=str(error))
            else:
                if found:
                    log.info("outbox polling published events", events=found)
            await self._publisher.reconnected_within(_RETRY_SECONDS if self.health.failing_seconds else _POLL_SECONDS)

    async def poll(self) -> int:
        """Publish all events that are in an outbox, but not in the queue. Return the number of published events.

        For example, an event is not in the queue if its process died, or if publishing has failed. The queue of another
        process of the service may contain an event that this method publishes. Then the event is published twice, and
        the stream ignores the second message.

        If the stream refuses one event, the poll continues with the others. The poll stops if the database
        fails, or if the stream has stored no event of a page and was unavailable for one of them.
        """
        count = 0
        seen: set[str] = set()
        for collection, reader in self._collections:
            cursor = collection.find({"outbox.id": {"$exists": True}}, {"outbox": 1})
            while documents := await cursor.to_list(_IN_FLIGHT):
                entries: list[Entry] = [
                    (collection, document["_id"], event)
                    for document in documents
                    for event in reader.read_all(outbox_entries(document))
                ]
                seen.update(event.id for _, _, event in entries)
                batch = [entry for entry in entries if entry[2].id not in self._queued]
                failures = await asyncio.gather(*map(self._publish, batch))
                published = [entry for entry, failure in zip(batch, failures, strict=True) if failure is None]
                cleared = await self._clear(published)
                unavailable = any(isinstance(failure, DependencyUnavailable) for failure in failures)
                if not cleared or (unavailable and not published):
                    return count
                count += len(published)
        self.health.note_poll(seen | self._queued)
        return count

    def _forget(self, entry: Entry) -> None:
        """End the work on an entry of the queue. If its event is still in its outbox, outbox polling will find it."""
        self._queued.discard(entry[2].id)
        self._queue.task_done()

    async def _publish(self, entry: Entry) -> Exception | None:
        """Publish the event. Return None if the stream has acknowledged the event. Otherwise return the error.

        If the id of the event is taken (see PublishingHealth), only check again whether the stream has the event.
        """
        self.health.note_waiting(entry[2].id)
        failure: Exception | None = None
        taken_by = self.health.taken.get(entry[2].id)
        try:
            if taken_by is None:
                await self._publisher.publish(entry[2])
            else:
                await self._publisher.check_stored(entry[2], taken_by)
        except Exception as error:  # noqa: BLE001 - after this error, the relay must still publish other events
            failure = error
        self.health.note(entry[2], failure)
        return failure

    async def _clear(self, published: list[Entry]) -> bool:
        """Remove the published events from their outboxes.

        Return False if MongoDB failed. Then some events may stay in their outboxes, and the relay publishes them
        again later. This is safe, because a handler that receives the same event twice does not change the data twice.
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
