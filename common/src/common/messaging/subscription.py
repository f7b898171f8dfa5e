"""Runs a consumer in this process. A consumer has one handler, and calls it for every event of certain types.

First, a subscription waits until the durable consumer exists at the broker. The durable consumer stores which events
have been handled. Then the subscription receives deliveries until the process stops.
"""

import asyncio
import time
from contextlib import suppress
from typing import Generic, TypeVar

import structlog
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription
from nats.errors import Error as NatsError
from nats.js.api import ConsumerConfig
from nats.js.errors import NotFoundError
from prometheus_client import Counter

from common.domain.errors import DependencyUnavailable
from common.messaging.broker import Broker
from common.messaging.consumer import Consumer, paused_until, unsuitable_settings
from common.messaging.dead_letters import DeadLetters
from common.messaging.delivery import DeliveryProcessor
from common.messaging.replay import replay, replay_subject
from common.messaging.retry import RetryPolicy

log = structlog.get_logger()

S = TypeVar("S")

_POLL_SECONDS = 0.25
_LOOK_SECONDS = 2.0
"""While the subscription runs, it looks this often whether its durable consumer still exists and can be used."""

_NO_STREAM = 10059
"""The error code of NATS for "the stream does not exist"."""

_OUTAGE = (NatsError, TimeoutError, OSError, DependencyUnavailable)

LOST = Counter(
    "consumers_lost",
    "How often a running subscription lost its durable consumer.",
    ["consumer"],
)


class Subscription(Generic[S]):
    """Receives the deliveries of one consumer in this process, and starts the processing of each delivery.

    A delivery is one attempt of the broker to give an event to the consumer.
    """

    def __init__(
        self, consumer: Consumer[S], service: S, broker: Broker, dead_letters: DeadLetters, policy: RetryPolicy
    ) -> None:
        self._consumer = consumer
        self._service = service
        self._broker = broker
        self._policy = policy
        self._processor = DeliveryProcessor(consumer, service, dead_letters, policy)
        self._in_flight: dict[asyncio.Task[None], Msg] = {}
        self._background: list[asyncio.Task[None]] = []
        self._deliveries: NatsSubscription | None = None
        self._replays: NatsSubscription | None = None
        self._draining: list[asyncio.Task[None]] = []
        self._ack_wait = policy.ack_wait
        self._unusable = ""
        """Why the durable consumer cannot be used now, as a sentence for an operator. Empty if it can be used."""
        self._log = log.bind(consumer=consumer.name)

    @property
    def problem(self) -> str:
        """Why this consumer cannot handle or dead-letter events now, in sentences for an operator. Empty if it can."""
        return " ".join(filter(None, (self._unusable, self._processor.problem)))

    async def start(self) -> None:
        """Subscribe to the deliveries of the consumer, and to an operator's requests to handle an event again.

        First wait until the durable consumer exists at the broker and its settings suit the code of the service. While
        the service waits, the log says why.
        """
        config = self._consumer.config(self._policy)
        await self._wait_until_provisioned(config)
        self._deliveries = await self._broker.client.subscribe(
            config.deliver_subject or "", queue=config.deliver_group or "", cb=self._receive
        )
        self._replays = await self._broker.client.subscribe(
            replay_subject(self._consumer.name), queue=self._consumer.name, cb=self._receive_replay
        )
        self._background = [asyncio.create_task(self._report_progress()), asyncio.create_task(self._look_after(config))]

    async def stop(self, within_seconds: float) -> None:
        """Unsubscribe, and wait for the deliveries that are being processed, but not longer than `within_seconds`.

        After this time, cancel the remaining deliveries. The broker then delivers their events to another instance.
        """
        deadline = time.monotonic() + within_seconds
        if self._broker.is_connected:
            self._draining = [asyncio.create_task(_drain(each)) for each in (self._deliveries, self._replays) if each]
        if self._draining:
            # Each task in `_draining` runs drain() of nats-py. After the timeout we do not cancel these tasks, because
            # at its end, drain() removes the subscription from the client. Otherwise nats-py would subscribe again
            # after a reconnect.
            await asyncio.wait(self._draining, timeout=within_seconds)
        self._deliveries = self._replays = None
        if self._in_flight:
            _, unfinished = await asyncio.wait(self._in_flight, timeout=max(0.0, deadline - time.monotonic()))
            for delivery in unfinished:
                delivery.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    async def _wait_until_provisioned(self, config: ConsumerConfig) -> None:
        last_reason = ""
        while True:
            try:
                reason = await self._why_unusable(config)
            except _OUTAGE as error:
                reason = str(error) or "NATS does not answer"
            if not reason:
                return
            if reason != last_reason:
                self._log.warning("waiting for the consumer to be provisioned", reason=reason)
                last_reason = reason
            await asyncio.sleep(_POLL_SECONDS)

    async def _look_after(self, config: ConsumerConfig) -> None:
        """Notice if the durable consumer is deleted, paused or changed while the subscription runs.

        NATS does not tell the subscription, which would only receive no more events. When somebody provisions the
        consumer again, the subscription receives its deliveries again, because it still listens on the same subject.
        The same happens at the end of a pause.
        """
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                reason = await self._why_unusable(config)
            except _OUTAGE:
                continue  # the readiness check says that NATS does not answer
            if reason and not self._unusable:
                LOST.labels(self._consumer.name).inc()
                self._log.error("the consumer cannot be used", reason=reason)
            elif self._unusable and not reason:
                self._log.info("the consumer can be used again")
            self._unusable = reason and f"The consumer {self._consumer.name} cannot be used: {reason}."

    async def _why_unusable(self, config: ConsumerConfig) -> str:
        """Return why this version of the service cannot work with the durable consumer. Return "" if it can.

        The settings need not be equal to those in the code of the service. In a rollout, a newer version may have
        changed them. They must only be good enough for this version (see `unsuitable_settings`). Raises an error of
        `_OUTAGE` if NATS does not answer.
        """
        try:
            info = await self._broker.jetstream.consumer_info(self._consumer.stream.name, self._consumer.name)
        except NotFoundError as error:
            missing = f"its stream {self._consumer.stream.name}" if error.err_code == _NO_STREAM else "it"
            return f"{missing} does not exist at NATS"
        if until := paused_until(info):
            return f"it is paused until {until}"
        self._ack_wait = info.config.ack_wait or self._policy.ack_wait
        unsuitable = unsuitable_settings(info.config, config)
        return f"its {', '.join(unsuitable)} do not suit this version of the service" if unsuitable else ""

    async def _receive(self, message: Msg) -> None:
        # nats-py calls this method for each delivery, one after the other. So the method only starts a task and does
        # not wait for the end of the task. Otherwise only one delivery could be processed at a time. The number of
        # tasks is limited, because the broker stops sending while `max_ack_pending` deliveries have no answer.
        delivery = asyncio.create_task(self._processor.process(message))
        self._in_flight[delivery] = message
        delivery.add_done_callback(self._in_flight.pop)

    async def _receive_replay(self, message: Msg) -> None:
        await replay(self._consumer, self._service, message)

    async def _report_progress(self) -> None:
        """Tell the broker regularly that the current deliveries are still in progress.

        Otherwise the broker would deliver their events again after `ack_wait`. The interval is one third of the
        `ack_wait` that the durable consumer has at the broker.
        """
        while True:
            await asyncio.sleep(self._ack_wait / 3)
            for message in list(self._in_flight.values()):
                with suppress(NatsError, OSError):
                    await message.in_progress()


async def _drain(subscription: NatsSubscription) -> None:
    """Unsubscribe, but still receive the deliveries that the broker has already sent.

    If we ignored these deliveries, the broker would deliver their events again, but only after `ack_wait`.
    """
    with suppress(NatsError):  # if the connection is lost, the broker delivers the events again later
        await subscription.drain()  # type: ignore[no-untyped-call] # nats-py has no annotations for drain()
