"""Publishes and connects to the cluster's NATS as one of its users."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from marketplace.tests.integration.cluster_nats import ClusterNats

from common.domain.event import Event, Message
from common.events.timers import DeadlineTimer
from common.messaging.broker import Broker
from common.messaging.consumer import Consumer
from common.messaging.publisher import Publisher
from common.runtime.settings import ServiceSettings
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import Surroundings
from marketplace.operations.dead_letters import DeadLetter, list_dead_letters
from marketplace.operations.operator import Operator
from marketplace.operations.timelines import read_timeline
from marketplace.registry import CONSUMERS_OF

BY_NAME = {consumer.name: consumer for consumers in CONSUMERS_OF.values() for consumer in consumers}
HOLD = BY_NAME["tickets-hold-ticket-on-order-created"]
S = TypeVar("S", bound=ServiceSettings)

ONE_OF_EACH_STREAM = [
    BY_NAME["orders-replicate-ticket"],
    BY_NAME["orders-expire-order-on-expiration-completed"],
    BY_NAME["expiration-complete-deadline-on-alarm"],
]


def owner_of(consumer: Consumer[Any]) -> str:
    return consumer.name.split("-", maxsplit=1)[0]


@dataclass(frozen=True, kw_only=True)
class AsTheirOwnUsers(Surroundings):
    """Each service connects to NATS with its own user, the test as the operator."""

    addresses: Callable[[str], str]

    def settings(self, settings_type: type[S], name: str, **more: object) -> S:
        return super().settings(settings_type, name, nats_url=self.addresses(name), **more)


@asynccontextmanager
async def connected_as(nats: ClusterNats, user: str) -> AsyncIterator[Broker]:
    broker = Broker(nats.url_of(user), user)
    await broker.connect()
    yield broker
    await broker.close()


async def publish_as(nats: ClusterNats, publisher: str, subject: str, data: bytes, headers: dict[str, str]) -> None:
    async with connected_as(nats, publisher) as broker:
        await Publisher(broker).publish_raw(subject, data, headers)


async def publish(nats: ClusterNats, event: Event) -> None:
    async with connected_as(nats, event.publisher) as broker:
        await EventStreams(broker).publish(event)


async def publish_malformed(nats: ClusterNats, event: Message) -> None:
    """Publish content that no consumer can parse, as the publisher of the event."""
    if isinstance(event, DeadlineTimer):
        timer = {"Nats-Schedule": "@at 2026-01-01T00:00:00Z", "Nats-Schedule-Target": event.subject}
        await publish_as(nats, "expiration", f"expiration.schedule.{event.id}", b"no event", timer)
    else:
        await publish_as(nats, event.publisher, event.subject, b"no event", {})


async def eventually_listed(operator: Operator, count: int) -> list[DeadLetter]:
    return await eventually(
        lambda: list_dead_letters(operator), until=lambda seen: len(seen) == count, what=f"{count} dead letters"
    )


async def eventually_in_timeline(operator: Operator, aggregate_id: str, *, until: str) -> list[str]:
    async def events() -> list[str]:
        return [event.event for event in await read_timeline(operator, aggregate_id)]

    return await eventually(events, until=lambda seen: until in seen, what=f"{until} of {aggregate_id}")
