"""In-memory fakes of the databases, the stream and the timers. None of them waits."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from model.processes import in_turn
from pymongo import UpdateOne

from common.domain.event import Event
from common.events.envelope import StagedEvent, decode
from common.events.timers import DeadlineTimer
from common.messaging.consumer import Consumer
from common.messaging.outbox_relay import OutboxRelay
from common.storage import collection
from devkit.testing.interception import InterceptedCollection
from expiration.deadline import Deadline
from marketplace.registry import CONSUMERS_OF


class Database:
    """The database of one service. Each of its operations passes `in_turn`, which may pause it or let it crash."""

    def __init__(self, bare: collection.Database) -> None:
        self.bare = bare

    def __getitem__(self, name: str) -> Any:
        return _InMemoryCollection(self.bare[name], in_turn)


class _InMemoryCollection(InterceptedCollection):
    async def bulk_write(self, requests: list[UpdateOne], *, ordered: bool) -> None:  # noqa: ARG002 - as called
        """Run the updates one by one, so that a crash may come between two of them."""
        for each in requests:
            await self.update_one(each._filter, each._doc)


class PollingRelay(OutboxRelay):
    """Publishes only by polling the outboxes, so that the model decides when an event is published."""

    def enqueue(self, *_: object) -> None:
        pass


@dataclass(frozen=True)
class Delivery:
    event: Event
    service: str
    consumer: Consumer[Any]

    @property
    def key(self) -> tuple[str, str]:
        return self.event.event_id, self.consumer.name


@dataclass
class Stream:
    """Stores every event once, and the acknowledged deliveries."""

    events: dict[str, Event] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    """Two different events with one id. The stream keeps the first one, so the second one is lost."""
    deliveries: list[Delivery] = field(default_factory=list)
    acknowledged: set[tuple[str, str]] = field(default_factory=set)

    async def publish(self, staged: StagedEvent) -> None:
        event = decode(staged.subject, staged.data.encode())
        assert isinstance(event, Event)
        if (known := self.events.get(staged.id)) is not None:
            if known != event:
                self.contradictions.append(f"{staged.id}: {known!r} and {event!r}")
            return
        self.events[staged.id] = event
        self.deliveries += [
            Delivery(event, service, consumer)
            for service, consumers in CONSUMERS_OF.items()
            for consumer in consumers
            if type(event) in consumer.on
        ]

    def pending(self) -> list[Delivery]:
        return [each for each in self.deliveries if each.key not in self.acknowledged]


@dataclass
class Timers:
    """The broker's timers. A timer stays until it has fired and is acknowledged; a new one of the order replaces it."""

    scheduled: dict[str, DeadlineTimer] = field(default_factory=dict)
    ever_scheduled: list[DeadlineTimer] = field(default_factory=list)

    async def schedule(self, deadline: Deadline) -> None:
        self.scheduled[deadline.id] = deadline.timer()
        self.ever_scheduled.append(deadline.timer())

    def due(self, now: datetime) -> list[DeadlineTimer]:
        return [timer for timer in self.scheduled.values() if timer.expires_at <= now]

    def remove(self, timer: DeadlineTimer) -> None:
        if self.scheduled.get(timer.id) == timer:
            del self.scheduled[timer.id]
