"""A consumer for tests: each test decides what the handler does, and can ask the broker about the consumer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from nats.js.api import ConsumerInfo

from common.domain.ids import UserId, new_id
from common.events.tickets import TicketCreated
from common.messaging.consumer import Consumer
from common.messaging.dead_letters import DeadLetters
from common.messaging.provisioning import provision_consumers
from common.messaging.publisher import Publisher
from common.messaging.retry import RetryPolicy
from common.messaging.subscription import Subscription
from devkit.testing.events import EventStreams

NAME = "test-consumer"

LONG_ACK_WAIT = RetryPolicy(delays=(0.05, 0.05), ack_wait=30)
"""The broker repeats a delivery only when the consumer asks for it, and not because this machine is slow."""


@dataclass
class Effects:
    """The service that the handler gets. It does with each event what the test says, and records the events."""

    do: Callable[[TicketCreated], Awaitable[None]]
    seen: list[TicketCreated] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """When the handler was called, in seconds of the event loop's clock."""

    async def calls(self) -> int:
        return len(self.seen)

    async def completed(self) -> int:
        return len(self.done)


async def handle(effects: Effects, event: TicketCreated) -> None:
    effects.times.append(asyncio.get_running_loop().time())
    effects.seen.append(event)
    await effects.do(event)
    effects.done.append(event.id)


CONSUMER: Consumer[Effects] = Consumer(NAME, (TicketCreated,), handle)


def event() -> TicketCreated:
    return TicketCreated(id=new_id(), version=1, title="Concert", price=1999, user_id=UserId(new_id()))


async def nothing(_event: TicketCreated) -> None: ...


async def never_return(_event: TicketCreated) -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def consuming(
    effects: Effects,
    streams: EventStreams,
    *,
    policy: RetryPolicy = LONG_ACK_WAIT,
    consumer: Consumer[Effects] = CONSUMER,
    publisher: Publisher | None = None,
) -> AsyncIterator[Subscription[Effects]]:
    """`publisher` publishes the dead letters."""
    await provision_consumers(streams.broker.jetstream, [consumer], policy)
    dead_letters = DeadLetters(publisher or Publisher(streams.broker))
    subscription = Subscription(consumer, effects, streams.broker, dead_letters, policy)
    await subscription.start()
    try:
        yield subscription
    finally:
        await subscription.stop(1)


async def info(streams: EventStreams) -> ConsumerInfo:
    """What the broker knows about the consumer."""
    found: ConsumerInfo = await streams.broker.jetstream.consumer_info(CONSUMER.stream.name, NAME)
    return found


async def unanswered(streams: EventStreams) -> int:
    """The number of deliveries that the broker has no answer to."""
    return (await info(streams)).num_ack_pending or 0
