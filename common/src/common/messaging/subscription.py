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

from common.domain.errors import DependencyUnavailable
from common.messaging.broker import Broker
from common.messaging.consumer import Consumer
from common.messaging.dead_letters import DeadLetters
from common.messaging.delivery import DeliveryProcessor
from common.messaging.replay import replay, replay_subject
from common.messaging.retry import RetryPolicy

log = structlog.get_logger()

S = TypeVar("S")

_POLL_SECONDS = 0.25
_COMPARED_SETTINGS = ("filter_subjects", "deliver_subject", "deliver_group", "ack_wait", "max_deliver")
"""These settings of the durable consumer at the broker must be equal to the settings in the service's code.

A subscription waits until they are equal before it receives deliveries. The operators' command line tool `marketplace`
creates and updates the durable consumers.
"""


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
        self._progress_reports: asyncio.Task[None] | None = None
        self._deliveries: NatsSubscription | None = None
        self._replays: NatsSubscription | None = None
        self._draining: list[asyncio.Task[None]] = []
        self._log = log.bind(consumer=consumer.name)

    async def start(self) -> None:
        """Subscribe to the deliveries of the consumer, and to an operator's requests to handle an event again.

        First wait until the durable consumer exists at the broker and has the settings in the code of the service.
        While the service waits, the log says why.
        """
        config = self._consumer.config(self._policy)
        await self._wait_until_provisioned(config)
        self._deliveries = await self._broker.client.subscribe(
            config.deliver_subject or "", queue=config.deliver_group or "", cb=self._receive
        )
        self._replays = await self._broker.client.subscribe(
            replay_subject(self._consumer.name), queue=self._consumer.name, cb=self._receive_replay
        )
        self._progress_reports = asyncio.create_task(self._report_progress())

    async def stop(self, within_seconds: float) -> None:
        """Unsubscribe, and wait for the deliveries that are being processed, but not longer than `within_seconds`.

        After this time, cancel the remaining deliveries. The broker then delivers their events to another instance.
        """
        deadline = time.monotonic() + within_seconds
        if self._broker.is_connected:
            self._draining = [asyncio.create_task(_drain(each)) for each in (self._deliveries, self._replays) if each]
        if self._draining:
            # Each task in `_draining` runs drain() of nats-py. After the timeout we do not cancel these tasks. If we
            # cancelled them, nats-py could stop reading from the connection. But we still need the connection to answer
            # the deliveries and to publish the last events.
            await asyncio.wait(self._draining, timeout=within_seconds)
        self._deliveries = self._replays = None
        if self._in_flight:
            _, unfinished = await asyncio.wait(self._in_flight, timeout=max(0.0, deadline - time.monotonic()))
            for delivery in unfinished:
                delivery.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        if self._progress_reports is not None:
            self._progress_reports.cancel()
            await asyncio.gather(self._progress_reports, return_exceptions=True)

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
                different = [name for name in _COMPARED_SETTINGS if getattr(info.config, name) != getattr(config, name)]
                if not different:
                    return
                reason = f"its {', '.join(different)} differ from what this version of the service declares"
            if reason != last_reason:
                self._log.warning("waiting for the consumer to be provisioned", reason=reason)
                last_reason = reason
            await asyncio.sleep(_POLL_SECONDS)

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

        Otherwise the broker would deliver their events again after `ack_wait`. The interval is one third of `ack_wait`.
        """
        while True:
            await asyncio.sleep(self._policy.ack_wait / 3)
            for message in list(self._in_flight.values()):
                with suppress(NatsError, OSError):
                    await message.in_progress()


async def _drain(subscription: NatsSubscription) -> None:
    """Unsubscribe, but still receive the deliveries that the broker has already sent.

    If we ignored these deliveries, the broker would deliver their events again, but only after `ack_wait`.
    """
    with suppress(NatsError):  # if the connection is lost, the broker delivers the events again later
        await subscription.drain()  # type: ignore[no-untyped-call] # nats-py has no annotations for drain()
