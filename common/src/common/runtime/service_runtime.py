"""The life of a service process: it waits for its servers, works in the background, and stops in order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from nats.errors import Error as NatsError

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
from common.storage.availability import DatabaseError, as_unavailable
from common.storage.mongo import Mongo

log = structlog.get_logger()

Step = Callable[[], Awaitable[None]]

_FINISH_SECONDS = 2.0
_RETRY_SECONDS = 0.25
_CANCEL_AGAIN_SECONDS = 0.5
_CANCEL_TIMES = 10
_START_SECONDS = 2.0
"""How long a request waits for a start that has not finished yet."""


class ServiceRuntime:
    """Holds what every service has: its connections, its outbox relay, its consumers and its background loops.

    The composition root of a service adds the service's own indexes, consumers and loops.
    """

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
        self._subscriptions: list[Subscription[Any]] = []
        self.indexes: list[Step] = [self.relay.create_indexes]
        self._loops: list[Step] = [self.relay.publish_forever, self.relay.clear_forever, self.relay.poll_forever]
        self._closings: list[Step] = []
        self._work: asyncio.Task[None] | None = None
        self._running_loops: list[asyncio.Task[None]] = []
        self._started = asyncio.Event()
        self.on_failure: Callable[[], None] = lambda: None
        """Called when the background work cannot continue. common.runtime.serve sets it, and then ends the process."""

    def consume(self, consumers: Sequence[Consumer[Any]], use_cases: object) -> None:
        """Run these handlers with these use cases once the service has started."""
        self._subscriptions += [
            Subscription(consumer, use_cases, self.broker, self._dead_letters, self._policy) for consumer in consumers
        ]

    def before_start(self, *create_indexes: Step) -> None:
        self.indexes += create_indexes

    def in_background(self, *loops: Step) -> None:
        """Run each loop as long as the process. A loop that raises ends the process, which is then started again."""
        self._loops += loops

    def at_stop(self, *closings: Step) -> None:
        self._closings += closings

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start in the background, so that the process answers health checks before it is ready."""
        self._work = asyncio.create_task(self._run())
        self._work.add_done_callback(self._report_failure)
        try:
            yield
        finally:
            await self._stop()

    def check_alive(self) -> None:
        """Raise DependencyUnavailable if only a new process can help."""
        if self.broker.is_closed_for_good or (self._work is not None and self._work.done()):
            raise DependencyUnavailable("This process cannot continue and has to be started again.")

    async def check_can_publish(self) -> None:
        """Raise DependencyUnavailable while events cannot be published, or unique indexes may be missing.

        A gateway may send a request before the start has finished. The request waits, because that takes moments.
        """
        if not self._started.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_START_SECONDS):
                    await self._started.wait()
        self.broker.require()
        if not self._started.is_set():
            raise DependencyUnavailable("The service is still starting. Try again shortly.")

    async def check_ready(self) -> None:
        """Raise DependencyUnavailable, naming what is missing, unless this instance can serve now."""
        self.check_alive()
        await self.mongo.ping()
        await self.broker.ping()
        if not self._started.is_set():
            raise DependencyUnavailable("Still starting: waiting for its indexes and consumers.")

    def _report_failure(self, work: asyncio.Task[None]) -> None:
        if not work.cancelled() and (error := work.exception()):
            log.critical("background work failed, the process ends", exc_info=error)
            self.on_failure()

    async def _run(self) -> None:
        await asyncio.gather(self._prepare_database(), self.broker.connect())
        for subscription in self._subscriptions:
            await _until_available(subscription.start, log_message="waiting for NATS")
        async with asyncio.TaskGroup() as group:
            for loop in self._loops:
                task: asyncio.Task[None] = group.create_task(loop())  # type: ignore[arg-type] # a Step is always an async function here
                self._running_loops.append(task)
            self._started.set()
            log.info("ready")

    async def _prepare_database(self) -> None:
        for step in (self.mongo.ping, *self.indexes):
            await _until_available(step, log_message="waiting for MongoDB")

    async def _stop(self) -> None:
        """Stop consuming, let running handlers finish, publish what is staged, then close the connections."""
        self._started.clear()
        stopping = [subscription.stop(_FINISH_SECONDS) for subscription in self._subscriptions]
        await asyncio.gather(*stopping, return_exceptions=True)  # the rest has to be done even without NATS
        await self.relay.drain(_FINISH_SECONDS)
        if self._work is not None:
            await _end_all(*self._running_loops, self._work)
        for close in (*self._closings, self.broker.close, self.mongo.close):
            await close()
        log.info("stopped")


async def _end_all(*tasks: asyncio.Task[None]) -> None:
    """Cancel the tasks, repeatedly until they have ended.

    Below Python 3.12, asyncio.wait_for, which nats-py uses, loses a cancellation that comes at the same moment as the
    awaited result. The loop would then never end. Cancelling a TaskGroup a second time does not reach its members,
    so each member is cancelled by itself.
    """
    for task in tasks:
        for _ in range(_CANCEL_TIMES):
            task.cancel()
            if (await asyncio.wait({task}, timeout=_CANCEL_AGAIN_SECONDS))[0]:
                break
        else:
            log.error("a background loop does not end", loop=repr(task.get_coro()))


async def _until_available(step: Step, *, log_message: str) -> None:
    """Run a step of the start, and repeat it while the server that it needs does not answer."""
    waiting = False
    while True:
        try:
            return await step()
        except (DependencyUnavailable, DatabaseError, NatsError) as error:
            if isinstance(error, DatabaseError) and not as_unavailable(error):
                raise
        if not waiting:
            log.warning(log_message)
        waiting = True
        await asyncio.sleep(_RETRY_SECONDS)
