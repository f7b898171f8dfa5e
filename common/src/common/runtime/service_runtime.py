"""Starts and stops everything that a service process needs in addition to its HTTP routes.

At the start, the process waits for MongoDB and NATS. Then it publishes events, receives events and runs the other
background work of the service, until the process is stopped.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog

from common.domain.clock import Clock, utc_now
from common.domain.errors import DependencyUnavailable
from common.messaging.broker import Broker
from common.messaging.consumer import Consumer
from common.messaging.dead_letters import DeadLetters
from common.messaging.outbox_relay import OutboxRelay
from common.messaging.publisher import Publisher
from common.messaging.retry import RetryPolicy
from common.messaging.subscription import Subscription
from common.runtime.background import keep_running, until_available
from common.runtime.restore_check import RestoreCheck, RestoreNotDone
from common.runtime.settings import ServiceSettings
from common.storage.mongo import Mongo

log = structlog.get_logger()

Step = Callable[[], Awaitable[None]]

_FINISH_SECONDS = 2.0
_START_SECONDS = 2.0
"""A request that changes data must wait until the service has finished its start, but not longer than this time.

After this time, the answer is an error (see `check_can_publish`).
"""
_CANNOT_PUBLISH = "The events of the service cannot be published now."
_RESTORE_CHECK_SECONDS = 1.0
_RESTORE_NOT_DONE = "The service waits for an operator, because its database was restored. Try again later."


class ServiceRuntime:
    """Contains the parts that every service has, and starts and stops them.

    These parts are the connections to MongoDB and NATS, the outbox relay (which publishes events), the consumers (which
    receive events) and the loops in the background. The function that builds a service adds its own ones.
    """

    def __init__(
        self, name: str, settings: ServiceSettings, *, clock: Clock = utc_now, policy: RetryPolicy | None = None
    ) -> None:
        self.name = name
        self.clock = clock
        self.mongo = Mongo(settings.mongo_url, settings.mongo_database, settings.mongo_driver)
        self.broker = Broker(settings.nats_url, name)
        self.publisher = Publisher(self.broker)
        self.relay = OutboxRelay(self.publisher)
        self._policy = policy or RetryPolicy()
        self._dead_letters = DeadLetters(self.publisher)
        self._subscriptions: list[Subscription[Any]] = []
        self.indexes: list[Step] = [self.relay.create_indexes]
        self._loops: list[Step] = [self.relay.publish_forever, self.relay.clear_forever, self.relay.poll_forever]
        self._closings: list[Step] = []
        self._drains: list[Callable[[], None]] = []
        self._work: asyncio.Task[None] | None = None
        self._started = asyncio.Event()
        self._restore_problem = ""
        self.on_failure: Callable[[], None] = lambda: None
        """Called if the start of the service fails. common.runtime.serve lets it end the process."""

    def consume(self, consumers: Sequence[Consumer[Any]], use_cases: object) -> None:
        """Add consumers to the service. From the start of the service, they receive events and call their handlers.

        Each handler gets the event and the object `use_cases`, whose methods are the operations of the service.
        """
        self._subscriptions += [
            Subscription(consumer, use_cases, self.broker, self._dead_letters, self._policy) for consumer in consumers
        ]

    def before_start(self, *create_indexes: Step) -> None:
        self.indexes += create_indexes

    def in_background(self, *loops: Step) -> None:
        """Add loops that run in the background from the start of the service until its end.

        If a loop raises an error, it is started again after a pause (see common.runtime.background).
        """
        self._loops += loops

    def before_drain(self, *steps: Callable[[], None]) -> None:
        """Add functions that end answers without an end, so that the stop does not wait for them."""
        self._drains += steps

    def begin_drain(self) -> None:
        """The server calls this when it stops, before it waits for the requests that are still running."""
        for step in self._drains:
            step()

    def at_stop(self, *closings: Step) -> None:
        self._closings += closings

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start the service when the `async with` block begins, and stop it when the block ends.

        The start continues in the background. So the process can answer health checks before the service is ready.
        """
        self._work = asyncio.create_task(self._run())
        self._work.add_done_callback(self._report_failure)
        try:
            yield
        finally:
            await self._stop()

    def check_alive(self) -> None:
        """Raise DependencyUnavailable if this process can never work again and must be replaced by a new process.

        The route for the liveness check calls this method.
        """
        if self.broker.is_closed_for_good or (self._work is not None and self._work.done()):
            raise DependencyUnavailable("This process cannot continue and has to be started again.")

    async def check_can_publish(self) -> None:
        """Raise DependencyUnavailable if events cannot be published now, or if the service has not finished its start.

        Events cannot be published if NATS cannot be reached, or if the stream has taken no event for more than 3 s. The
        same holds if an event waits for more than 10 s, because the stream is slow. Then other services would not learn
        of a change soon. The service also refuses changes if its database was restored from an older backup, until an
        operator has run `marketplace restore-done`.

        Each route that changes data calls this method first. While the service starts, unique indexes may be missing,
        so MongoDB could accept duplicates. If the service has not finished its start, this method first waits for up to
        two seconds, because the start usually takes only a moment.
        """
        if not self._started.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_START_SECONDS):
                    await self._started.wait()
        self.broker.require()
        if self._restore_problem or self.relay.health.taken:
            raise DependencyUnavailable(_RESTORE_NOT_DONE)
        if not self._started.is_set():
            raise DependencyUnavailable("The service is still starting. Try again shortly.")
        if self.relay.health.problem:
            raise DependencyUnavailable(f"{_CANNOT_PUBLISH} Try again shortly.")

    async def check_ready(self) -> list[str]:
        """Return what this process lacks now, as sentences for an operator. The list is empty if it lacks nothing.

        Raises DependencyUnavailable if the process has not finished its start, or if it stops. Raises its subclass
        RestoreNotDone if the start waits until an operator has completed a restored database. The process stays ready
        if a dependency fails later, because all instances share their dependencies. If all instances were not ready at
        the same time, no request would reach any of them, and the clients would get no useful answer.

        The route for the readiness check calls this method.
        """
        self.check_alive()
        if self._restore_problem:
            raise RestoreNotDone(self._restore_problem)
        lacking = await self._lacking()
        if not self._started.is_set():
            raise DependencyUnavailable(
                f"The service is starting or stopping. {' '.join(lacking) or 'It waits for its indexes and consumers.'}"
            )
        return lacking

    async def _lacking(self) -> list[str]:
        answers = await asyncio.gather(self.mongo.ping(), self.broker.ping(), return_exceptions=True)
        lacking = [answer.detail for answer in answers if isinstance(answer, DependencyUnavailable)]
        if problem := self.relay.health.problem:
            lacking.append(f"{_CANNOT_PUBLISH} {problem}")
        if taken := self.relay.health.taken:
            lacking.append(
                f"The stream has other events with the ids of {len(taken)} staged events, such as {min(taken)[:100]}. "
                f"Run `marketplace restore-done {self.name}`."
            )
        return lacking + [each.problem for each in self._subscriptions if each.problem]

    def _report_failure(self, work: asyncio.Task[None]) -> None:
        if not work.cancelled() and (error := work.exception()):
            log.critical("the service could not start, the process ends", exc_info=error)
            self.on_failure()

    async def _run(self) -> None:
        await asyncio.gather(self._prepare_database(), self.broker.connect())
        await self._until_restored()
        for subscription in self._subscriptions:
            await until_available(subscription.start, log_message="waiting for NATS")
        async with asyncio.TaskGroup() as group:
            for loop in self._loops:
                group.create_task(keep_running(loop))
            self._started.set()
            log.info("ready")

    async def _prepare_database(self) -> None:
        for step in self.indexes:
            await until_available(step, log_message="waiting for MongoDB")

    async def _until_restored(self) -> None:
        """If the database is older than the published events, log this, and wait for `marketplace restore-done`."""
        check = RestoreCheck(self.name, self.broker, self.mongo.database, self.relay.collections)
        while problem := await until_available(check.find_problem, log_message="waiting for MongoDB and NATS"):
            if not self._restore_problem:
                log.error("the database is older than its events", problem=problem)
            self._restore_problem = problem
            await asyncio.sleep(_RESTORE_CHECK_SECONDS)
        self._restore_problem = ""

    async def _stop(self) -> None:
        """Stop the service in four steps.

        First, stop receiving events and wait for the running handlers, for at most two seconds. Errors in this step are
        ignored. Second, wait until the outbox relay has published the events in its queue, again for at most two
        seconds. The events that are still not published stay in the database, and the next process publishes them.
        Third, cancel the background loops, and wait for their end, for at most two seconds. Fourth, close the
        connections.
        """
        self._started.clear()
        stopping = [subscription.stop(_FINISH_SECONDS) for subscription in self._subscriptions]
        await asyncio.gather(*stopping, return_exceptions=True)  # so that errors do not stop the next steps
        await self.relay.drain(_FINISH_SECONDS)
        if self._work is not None:
            self._work.cancel()
            if not (await asyncio.wait({self._work}, timeout=_FINISH_SECONDS))[0]:
                log.error("a background loop does not end")
        for close in (*self._closings, self.broker.close, self.mongo.close):
            await close()
        log.info("stopped")
