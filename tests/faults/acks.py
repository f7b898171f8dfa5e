"""What the consumers tell the broker about each delivery, overheard on the wire."""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from nats.aio.msg import Msg

from common.messaging.broker import Broker


@dataclass(frozen=True)
class Ack:
    consumer: str
    sequence: int
    """Of the event, in its stream."""
    delivery: int
    """The first is 1."""
    verdict: str
    """+ACK, -NAK or +TERM."""
    delay: float | None
    """Of a -NAK: seconds until the next delivery."""
    at: float
    """time.monotonic()."""


@dataclass
class Acks:
    heard: list[Ack] = field(default_factory=list)

    def of(self, consumer: str, sequence: int) -> list[Ack]:
        return [ack for ack in self.heard if (ack.consumer, ack.sequence) == (consumer, sequence)]

    def matching(self, wanted: Callable[[Ack], bool]) -> list[Ack]:
        return [ack for ack in self.heard if wanted(ack)]


@asynccontextmanager
async def overheard_acks(broker: Broker) -> AsyncIterator[Acks]:
    acks = Acks()

    async def hear(message: Msg) -> None:
        verdict, _, options = message.data.decode().partition(" ")
        if verdict == "+WPI":  # "work in progress": no verdict yet
            return
        # The acknowledgement goes to the subject that the delivery gave as its reply subject, which says all about it.
        place = Msg.Metadata._from_reply(message.subject)
        delay = json.loads(options)["delay"] / 1e9 if options else None
        acks.heard.append(
            Ack(place.consumer, place.sequence.stream, place.num_delivered, verdict or "+ACK", delay, time.monotonic())
        )

    subscription = await broker.client.subscribe("$JS.ACK.>", cb=hear)
    await broker.client.flush()
    try:
        yield acks
    finally:
        await subscription.unsubscribe()
