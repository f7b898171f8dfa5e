"""Consuming: the one place that decides what becomes of a delivery, and the only file that acknowledges.

| the handler…                                   | the delivery is…                                                |
|-------------------------------------------------|-----------------------------------------------------------------|
| returns                                         | acknowledged: its effect is durable                             |
| finds a dependency down                         | held, the broker told to wait, and tried again until it is back |
| raises PermanentFailure, or cannot be decoded   | written to the dead letters, then terminated                    |
| raises RetryLater                               | refused, with the delay that it asks for                        |
| raises anything else                            | refused with a growing delay; after the last one a dead letter  |
| never comes back (its process died)             | delivered again by the broker, to whichever instance is alive   |
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from common.domain.errors import DependencyUnavailable, PermanentFailure, RetryLater
from common.domain.event import Message
from common.events.envelope import TRACEPARENT, decode
from common.events.tracing import continue_trace, set_cause
from common.messaging.broker import Broker
from common.messaging.dead_letters import REPLAYED, SUBJECT, DeadLetters, replay_subject
from common.messaging.retry import RetryPolicy
from common.messaging.streams import Stream, stream_of
from common.storage.mongo import as_unavailable

log = structlog.get_logger()

S = TypeVar("S")

_HOLD_SECONDS = (0.1, 0.2, 0.5, 1.0)
BATCH_WINDOW_SECONDS = 0.05  # long enough for company from twenty deliveries a second on


@dataclass(frozen=True)
class Consumer(Generic[S]):
    """One handler of a service, and the durable consumer that remembers how far it has come.

    `name` never changes: a new name is a new consumer, and replays the whole history. Several instances of the service
    share its work. Where nobody waits for the handler, it may linger: deliveries gather for up to `batch_window_seconds`,
    so that their calls to MongoDB travel together (common.storage.batcher).
    """

    name: str
    on: tuple[type[Message], ...]
    handle: Callable[[S, Any], Awaitable[None]]
    max_in_flight: int = 100
    batch_window_seconds: float = 0.0

    @property
    def stream(self) -> Stream:
        (stream,) = {stream_of(event_type) for event_type in self.on}
        return stream

    def config(self, policy: RetryPolicy) -> ConsumerConfig:
        return ConsumerConfig(
            durable_name=self.name,
            deliver_policy=DeliverPolicy.ALL,
            filter_subjects=[event_type.subjects() for event_type in self.on],
            deliver_subject=f"deliver.{self.name}",
            deliver_group=self.name,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=policy.ack_wait,
            max_deliver=policy.max_deliver,
            max_ack_pending=self.max_in_flight,
        )


class Subscription(Generic[S]):
    """A consumer at work in this process."""

    def __init__(
        self, consumer: Consumer[S], service: S, broker: Broker, dead_letters: DeadLetters, policy: RetryPolicy
    ) -> None:
        self._consumer = consumer
        self._service = service
        self._broker = broker
        self._dead_letters = dead_letters
        self._policy = policy
        self._in_flight: dict[asyncio.Task[None], Msg] = {}
        self._heart: asyncio.Task[None] | None = None
        self._subscription: NatsSubscription | None = None
        self._replays: NatsSubscription | None = None
        self._leaving: list[asyncio.Task[None]] = []
        self._log = log.bind(consumer=consumer.name)

    async def start(self) -> None:
        """Return once bound. Waits, and says so, while stream or consumer have not been provisioned as declared."""
        config = self._consumer.config(self._policy)
        await self._wait_until_provisioned(config)
        self._subscription = await self._broker.client.subscribe(
            config.deliver_subject or "", queue=config.deliver_group or "", cb=self._receive
        )
        self._replays = await self._broker.client.subscribe(
            replay_subject(self._consumer.name), queue=self._consumer.name, cb=self._replay
        )
        self._heart = asyncio.create_task(self._beat())

    async def stop(self, within_seconds: float) -> None:
        """Take no more, finish what has come, and hand back what does not get done in time."""
        deadline = time.monotonic() + within_seconds
        if self._broker.is_connected:
            self._leaving = [asyncio.create_task(_leave(each)) for each in (self._subscription, self._replays) if each]
        if self._leaving:
            # Not cancelled when it takes too long, which would make the connection deaf (see Broker.ping).
            await asyncio.wait(self._leaving, timeout=within_seconds)
        self._subscription = self._replays = None
        if self._in_flight:
            _, unfinished = await asyncio.wait(self._in_flight, timeout=max(0.0, deadline - time.monotonic()))
            for delivery in unfinished:
                delivery.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        if self._heart is not None:
            self._heart.cancel()
            await asyncio.gather(self._heart, return_exceptions=True)

    async def _wait_until_provisioned(self, config: ConsumerConfig) -> None:
        last_reason = ""
        while True:
            try:
                info = await self._broker.jetstream.consumer_info(self._consumer.stream.name, self._consumer.name)
            except NotFoundError:
                reason = "it does not exist yet"
            except (NatsError, TimeoutError, DependencyUnavailable) as error:
                reason = str(error) or "no answer"
            else:
                different = [
                    name
                    for name in ("filter_subjects", "deliver_subject", "deliver_group", "ack_wait", "max_deliver")
                    if getattr(info.config, name) != getattr(config, name)
                ]
                if not different:
                    return
                reason = f"its {', '.join(different)} differ from what this version of the service declares"
            if reason != last_reason:
                self._log.warning("waiting for the consumer to be provisioned", reason=reason)
                last_reason = reason
            await asyncio.sleep(0.25)

    async def _receive(self, message: Msg) -> None:
        # The client hands over one message at a time; a task each lets them run side by side, and the consumer's
        # max_ack_pending, kept by the broker, is the bound on how many.
        delivery = asyncio.create_task(self._deliver(message))
        self._in_flight[delivery] = message
        delivery.add_done_callback(self._in_flight.pop)

    async def _beat(self) -> None:
        """Tell the broker that what is in flight is being worked on, so that it waits longer than ack_wait."""
        while True:
            await asyncio.sleep(self._policy.ack_wait / 3)
            for message in list(self._in_flight.values()):
                with suppress(NatsError, OSError):
                    await message.in_progress()

    async def _deliver(self, message: Msg) -> None:
        try:
            await self._linger(message)
            with continue_trace((message.headers or {}).get(TRACEPARENT), cause=message.subject):
                await self._settle(message)
        except asyncio.CancelledError:
            await message.nak()  # stopping: another instance, or the next start, takes it at once
            raise
        except (NatsError, TimeoutError, OSError, DependencyUnavailable) as error:
            # The broker went away under us; it will deliver again, and every handler can be run again.
            self._log.warning("delivery left to the broker", subject=message.subject, reason=str(error))

    async def _linger(self, message: Msg) -> None:
        """Until the next tick of a clock that all deliveries share. With a backlog they have company anyway."""
        if (linger := self._consumer.batch_window_seconds) and not message.metadata.num_pending:
            await asyncio.sleep(linger - asyncio.get_running_loop().time() % linger)

    async def _settle(self, message: Msg) -> None:
        delivery = message.metadata.num_delivered
        if delivery > self._policy.max_unanswered:
            await self._give_up(message, "its consumer died, or was stopped, during each delivery")
            return
        try:
            event = decode(message.subject, message.data)
            set_cause(event.event_id)
            await self._handle(event, message)
        except PermanentFailure as failure:
            await self._give_up(message, str(failure))
        except RetryLater as early:
            await message.nak(delay=early.seconds)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the delivery must come to an end
            delay = self._policy.delay_after(delivery)
            reason = f"{type(failure).__name__}: {failure}"
            if delay is None:
                await self._give_up(message, reason)
                return
            self._log.warning(
                "handler failed", subject=message.subject, delivery=delivery, retry_in=delay, exc_info=failure
            )
            await message.nak(delay=delay)
        else:
            await message.ack()
            self._log.info("handled", subject=message.subject, event_id=event.event_id, delivery=delivery)

    async def _handle(self, event: Message, message: Msg) -> None:
        """Run the handler; while a dependency is down, hold the event instead of burning its deliveries."""
        attempt = 0
        while True:
            try:
                return await self._consumer.handle(self._service, event)
            except Exception as error:
                unavailable = error if isinstance(error, DependencyUnavailable) else as_unavailable(error)
                if unavailable is None:
                    raise
                if attempt == 0:
                    self._log.warning("holding an event", subject=message.subject, reason=unavailable.detail)
            await asyncio.sleep(_HOLD_SECONDS[min(attempt, len(_HOLD_SECONDS) - 1)])
            attempt += 1

    async def _replay(self, message: Msg) -> None:
        """An operator asks for a dead letter to be tried again, by this consumer alone; the answer is what came of it.

        No delivery is counted: if it fails, the dead letter stays where it is.
        """
        headers = message.headers or {}
        try:
            event = decode(headers.get(SUBJECT, ""), message.data)
            with continue_trace(headers.get(TRACEPARENT), cause=event.event_id):
                await self._consumer.handle(self._service, event)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the operator is told
            self._log.warning("replay failed", subject=headers.get(SUBJECT), exc_info=failure)
            await message.respond(f"{type(failure).__name__}: {failure}".encode())
        else:
            self._log.info("replayed", subject=headers.get(SUBJECT), event_id=event.event_id)
            await message.respond(REPLAYED)

    async def _give_up(self, message: Msg, reason: str) -> None:
        await self._dead_letters.add(message, self._consumer.name, reason)
        self._log.error("event became a dead letter", subject=message.subject, reason=reason)
        await message.term()


async def _leave(subscription: NatsSubscription) -> None:
    """Unsubscribe, and take what the broker has sent by then: dropped, it would come again only after ack_wait."""
    with suppress(NatsError):  # the broker has gone, and delivers to somebody else
        await subscription.drain()  # type: ignore[no-untyped-call] # as the client has it
