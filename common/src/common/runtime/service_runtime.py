"""The life of a service process: wait for what it needs, do its work in the background, stop in good order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from nats.errors import Error as NatsError
from pymongo.errors import PyMongoError

from common.domain.clock import Clock, utc_now
from common.domain.errors import DependencyUnavailable
from common.messaging.broker import Broker
from common.messaging.consumer import Consumer
from common.messaging.dead_letters import DeadLetters
from common.messaging.outbox_relay import OutboxRelay
from common.messaging.publisher import Publisher
from common.messaging.retry import RetryPolicy
from common.messaging.subscription import Subscription
from common.runtime.settings import ServiceSettings
from common.storage.mongo import Mongo, as_unavailable

log = structlog.get_logger()

Step = Callable[[], Awaitable[None]]

_FINISH_SECONDS = 2.0
_LOOK_AGAIN_SECONDS = 0.25
_CANCEL_AGAIN_SECONDS = 0.5
_CANCEL_TIMES = 10
_START_SECONDS = 2.0
"""For so long, a request waits for a start that is under way."""


class Service:
    """What every service has. The composition root of each adds its own use cases, indexes, consumers and loops."""

    def __init__(
        self, name: str, settings: ServiceSettings, *, clock: Clock = utc_now, policy: RetryPolicy | None = None
    ) -> None:
        self.name = name
        self.clock = clock
        self.mongo = Mongo(settings.mongo_url, settings.mongo_database, settings.mongo_driver)
        self.broker = Broker(settings.nats_url, name)
        self.publisher = Publisher(self.broker)
        self.relay = OutboxRelay(self.publisher, clock)
        self._policy = policy or RetryPolicy()
        self._dead_letters = DeadLetters(self.publisher)
        self.use_cases: object = None
        self._subscriptions: list[Subscription[Any]] = []
        self.indexes: list[Step] = [self.relay.create_indexes]
        self._loops: list[Step] = [self.relay.publish_forever, self.relay.clear_forever, self.relay.poll_forever]
        self._closings: list[Step] = []
        self._at_work: asyncio.Task[None] | None = None
        self._loops_at_work: list[asyncio.Task[None]] = []
        self._started = asyncio.Event()
        self.on_failure: Callable[[], None] = lambda: None
        """Called when the background work has failed for good: whoever serves this ends the process."""

    def consume(self, consumers: Sequence[Consumer[Any]], use_cases: object) -> None:
        """Run these handlers against these use cases, once everything is there."""
        self.use_cases = use_cases
        self._subscriptions += [
            Subscription(consumer, use_cases, self.broker, self._dead_letters, self._policy) for consumer in consumers
        ]

    def before_start(self, *create_indexes: Step) -> None:
        self.indexes += create_indexes

    def in_background(self, *loops: Step) -> None:
        """Each runs for as long as the process; one that raises ends the process, to be started afresh."""
        self._loops += loops

    def at_stop(self, *closings: Step) -> None:
        self._closings += closings

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Begin at once and get ready in the background, so that liveness and readiness are answered meanwhile."""
        self._at_work = asyncio.create_task(self._work())
        self._at_work.add_done_callback(self._report_failure)
        try:
            yield
        finally:
            await self._stop()

    def check_alive(self) -> None:
        """Raise if only a new process can help."""
        if self.broker.is_closed_for_good or (self._at_work is not None and self._at_work.done()):
            raise DependencyUnavailable("This process cannot go on and has to be started again.")

    async def check_can_change(self) -> None:
        """Raise DependencyUnavailable while a change could not be made known, or unique indexes may be missing.

        A start takes moments, and a gateway may send a request here before it is over: such a request is held.
        """
        if not self._started.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_START_SECONDS):
                    await self._started.wait()
        self.broker.require()
        if not self._started.is_set():
            raise DependencyUnavailable("Still starting. Try again shortly.")

    async def check_ready(self) -> None:
        """Raise DependencyUnavailable, saying what is missing, unless this instance can serve now."""
        self.check_alive()
        await self.mongo.ping()
        await self.broker.ping()
        if not self._started.is_set():
            raise DependencyUnavailable("Still starting: waiting for its indexes and consumers.")

    def _report_failure(self, work: asyncio.Task[None]) -> None:
        if not work.cancelled() and (error := work.exception()):
            log.critical("cannot go on", exc_info=error)
            self.on_failure()

    async def _work(self) -> None:
        await asyncio.gather(self._prepare_database(), self.broker.connect())
        for subscription in self._subscriptions:
            await _until_available(subscription.start, else_say="waiting for NATS")
        async with asyncio.TaskGroup() as group:
            for loop in self._loops:
                task: asyncio.Task[None] = group.create_task(loop())  # type: ignore[arg-type] # a Step is always an async function here
                self._loops_at_work.append(task)
            self._started.set()
            log.info("ready")

    async def _prepare_database(self) -> None:
        for step in (self.mongo.ping, *self.indexes):
            await _until_available(step, else_say="waiting for MongoDB")

    async def _stop(self) -> None:
        """No more work in; what has begun is finished; what changed is published; then the connections go."""
        self._started.clear()
        stopping = [subscription.stop(_FINISH_SECONDS) for subscription in self._subscriptions]
        await asyncio.gather(*stopping, return_exceptions=True)  # NATS may be gone; the rest is done all the same
        await self.relay.drain(_FINISH_SECONDS)
        if self._at_work is not None:
            await _end_all(*self._loops_at_work, self._at_work)
        for close in (*self._closings, self.broker.close, self.mongo.close):
            await close()
        log.info("stopped")


async def _end_all(*tasks: asyncio.Task[None]) -> None:
    """Cancel them, and again until they have ended.

    Below Python 3.12, wait_for, which nats-py uses, swallows a cancellation that comes together with what it waits for;
    a loop would go on, and the stop wait for it for good. Of a group of tasks it is the members that have to be told:
    cancelling the group a second time does not reach them.
    """
    for task in tasks:
        for _ in range(_CANCEL_TIMES):
            task.cancel()
            if (await asyncio.wait({task}, timeout=_CANCEL_AGAIN_SECONDS))[0]:
                break
        else:
            log.error("a loop does not end", loop=repr(task.get_coro()))


async def _until_available(step: Step, *, else_say: str) -> None:
    """Take this step of the start, and take it again for as long as what it needs is not there, or has gone again."""
    waiting = False
    while True:
        try:
            return await step()
        except (DependencyUnavailable, PyMongoError, NatsError) as error:
            if isinstance(error, PyMongoError) and not as_unavailable(error):
                raise
        if not waiting:
            log.warning(else_say)
        waiting = True
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
