"""The relay: takes staged events out of the outboxes of the aggregates and publishes them.

A change and its event are one write, because the event lies in the aggregate's own document. The relay hears of it
right after the write, through memory; whatever a crash, a full queue or a broker that was away left behind is found by
the sweep, through the index. Published means acknowledged by the stream; only then is the outbox entry pulled.
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
_POLL_SECONDS = 2.0
_CLEAR_TOGETHER_SECONDS = 0.05
"""Nobody waits for an outbox to be cleared, so it may wait for others to be cleared with."""
_LEFT_BEHIND_AFTER = timedelta(seconds=2)
"""Younger entries are most likely on their way already; publishing one twice would be harmless."""

Entry = tuple[Collection, str, StagedEvent]


class OutboxRelay:
    """The only thing that publishes events."""

    def __init__(self, publisher: Publisher, clock: Clock) -> None:
        self._publisher = publisher
        self._clock = clock
        self._collections: list[Collection] = []
        self._queue: asyncio.Queue[Entry] = asyncio.Queue(_QUEUE)
        self._published: asyncio.Queue[Entry] = asyncio.Queue()
        self._room = asyncio.Semaphore(_IN_FLIGHT)
        self._is_failing = False

    def add_collection(self, collection: Collection) -> None:
        """Sweep this collection of aggregates, too."""
        self._collections.append(collection)

    async def create_indexes(self) -> None:
        for collection in self._collections:
            # Sparse: it holds only the few documents that have something staged. {"outbox.0": …} could use no index.
            await collection.create_index("outbox.id", sparse=True)

    def enqueue(self, collection: Collection, aggregate_id: str, staged: Iterable[StagedEvent]) -> None:
        """Publish soon. Never waits and never fails: what finds no room here is found by the sweep."""
        with suppress(asyncio.QueueFull):
            for event in staged:
                self._queue.put_nowait((collection, aggregate_id, event))

    async def publish_forever(self) -> None:
        """Publish what is handed over, in the order of handing over, many in flight together."""
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
            if not self._is_failing:  # said once, not for each of thousands
                log.warning("events stay in the outbox for now", first=entry[2].subject, reason=str(failure))
            self._queue.task_done()
        self._is_failing = failure is not None

    async def clear_forever(self) -> None:
        """Take out of the outboxes what `run` has published, together with what it publishes in the next moment."""
        while True:
            batch = [await self._published.get()]
            await asyncio.sleep(_CLEAR_TOGETHER_SECONDS)
            while not self._published.empty():
                batch.append(self._published.get_nowait())
            await self._clear(batch)
            for _ in batch:
                self._queue.task_done()

    async def drain(self, within_seconds: float) -> None:
        """Wait until what was handed over has been published; what is not done in time is left for the next start."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                await self._queue.join()

    async def poll_forever(self) -> None:
        """Publish what was left behind. Does not end; a dependency that is down is tried again at the next turn."""
        everything = True  # at the start, and when the broker has come back, no one else will publish what is there
        while True:
            try:
                found = await self.poll(timedelta(0) if everything else _LEFT_BEHIND_AFTER)
            except (PyMongoError, DependencyUnavailable) as error:
                log.debug("polling of the outboxes put off", reason=str(error))
            else:
                if found:
                    log.info("published events that were left behind", events=found)
            everything = await self._publisher.reconnected_within(_POLL_SECONDS)

    async def poll(self, left_behind_after: timedelta = timedelta(0)) -> int:
        """Publish every staged event older than that, oldest change of an aggregate first; answer how many."""
        cutoff = self._clock() - left_behind_after
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
                    log.warning("events stay in the outbox for now", events=len(failed), reason=str(failed[0]))
                if failed or not cleared:
                    return count
                count += len(batch)
        return count

    async def _publish(self, entry: Entry) -> Exception | None:
        """None once the stream has it. Whatever else comes of it, the event stays where it is, for the sweep."""
        try:
            await self._publisher.publish(entry[2])
        except Exception as failure:  # noqa: BLE001 - one that cannot be published must not stop the others
            return failure
        return None

    async def _clear(self, published: list[Entry]) -> bool:
        """Take what the stream has out of the outboxes. False if MongoDB did not; publishing it again is harmless."""
        clearings: dict[int, tuple[Collection, list[UpdateOne]]] = {}
        for collection, aggregate_id, event in published:
            clear = UpdateOne({"_id": aggregate_id}, {"$pull": {"outbox": {"id": event.id}}})
            clearings.setdefault(id(collection), (collection, []))[1].append(clear)
        try:
            for collection, updates in clearings.values():
                await collection.bulk_write(updates, ordered=False)
        except PyMongoError as error:
            log.warning("events stay in the outbox for now", events=len(published), reason=str(error))
            return False
        return True
