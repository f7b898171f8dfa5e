"""Outboxes with events that are not published yet, and a publisher that fails when told to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Literal

from common.domain.clock import utc_now
from common.domain.errors import DependencyUnavailable
from common.domain.event import Event
from common.events.envelope import StagedEvent
from common.messaging.broker import Broker
from common.messaging.outbox_relay import OutboxRelay
from common.messaging.publisher import Publisher
from common.storage.collection import Collection
from devkit.testing.eventually import eventually

_NOW = utc_now()
_DIED = DependencyUnavailable("died")


def stopped_clock() -> datetime:
    """By this clock no event becomes old, so that outbox polling finds a new event only when it looks for all."""
    return _NOW


async def leave_behind(collection: Collection, *events: Event, for_so_long: timedelta = timedelta(0)) -> None:
    """Store an aggregate for each event, as a process that died before it published the event."""
    staged = [StagedEvent.stage(event, stopped_clock() - for_so_long) for event in events]
    documents = [{"_id": event.id, "outbox": [each.to_document()]} for event, each in zip(events, staged, strict=True)]
    await asyncio.gather(*map(collection.insert_one, documents))


async def stage_and_enqueue(relay: OutboxRelay, collection: Collection, event: Event) -> None:
    """As the repository of an aggregate does: store the event, then enqueue it."""
    await leave_behind(collection, event)
    relay.enqueue(collection, event.id, [StagedEvent.stage(event, utc_now())])


async def in_outboxes(collection: Collection) -> list[str]:
    """The ids of the aggregates whose outbox is not empty."""
    found = await collection.find({"outbox.id": {"$exists": True}}).to_list(None)
    return sorted(each["_id"] for each in found)


async def eventually_empty(collection: Collection) -> None:
    await eventually(lambda: in_outboxes(collection), until=lambda left: not left, within=5, what="empty outboxes")


@asynccontextmanager
async def running(*loops: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(loop()) for loop in loops]
    try:
        yield
    finally:
        pending = set(tasks)
        while pending:  # below Python 3.12, wait_for swallows a cancellation that comes with what it waits for
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=0.5)
        await asyncio.gather(*tasks, return_exceptions=True)


class UnreliablePublisher(Publisher):
    """Publishes to the real stream, unless the test asks it to fail. Polls the outboxes every 20 ms."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker)
        self.failures: dict[str, Exception] = {}
        """What is raised for the event of the aggregate with this id."""
        self.dies: Literal["before publishing", "after publishing"] | None = None
        """Fails at this moment for every event, as if the process had died."""
        self.tried: list[str] = []

    async def publish(self, staged: StagedEvent) -> None:
        aggregate_id = staged.subject.rpartition(".")[2]
        self.tried.append(aggregate_id)
        if self.dies == "before publishing":
            raise _DIED
        if failure := self.failures.get(aggregate_id):
            raise failure
        await super().publish(staged)
        if self.dies == "after publishing":
            raise _DIED

    async def reconnected_within(self, seconds: float) -> bool:
        return await super().reconnected_within(min(seconds, 0.02))
