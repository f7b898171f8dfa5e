"""Records the acknowledgements that the consumers send to the broker."""

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
    """The event's sequence in its stream."""
    delivery: int
    """The number of the delivery, from 1."""
    verdict: str
    """+ACK, -NAK or +TERM."""
    delay: float | None
    """Only for -NAK: seconds until the next delivery."""
    at: float
    """By time.monotonic."""


@dataclass
class Acks:
    recorded: list[Ack] = field(default_factory=list)

    def of(self, consumer: str, sequence: int) -> list[Ack]:
        return [ack for ack in self.recorded if (ack.consumer, ack.sequence) == (consumer, sequence)]

    def matching(self, wanted: Callable[[Ack], bool]) -> list[Ack]:
        return [ack for ack in self.recorded if wanted(ack)]


@asynccontextmanager
async def recorded_acks(broker: Broker) -> AsyncIterator[Acks]:
    acks = Acks()

    async def record(message: Msg) -> None:
        verdict, _, options = message.data.decode().partition(" ")
        if verdict == "+WPI":  # "work in progress": not an acknowledgement
            return
        # The acknowledgement is sent to the reply subject of the delivery, which contains its consumer and sequence.
        place = Msg.Metadata._from_reply(message.subject)
        delay = json.loads(options)["delay"] / 1e9 if options else None
        acks.recorded.append(
            Ack(place.consumer, place.sequence.stream, place.num_delivered, verdict or "+ACK", delay, time.monotonic())
        )

    subscription = await broker.client.subscribe("$JS.ACK.>", cb=record)
    await broker.client.flush()
    try:
        yield acks
    finally:
        await subscription.unsubscribe()
