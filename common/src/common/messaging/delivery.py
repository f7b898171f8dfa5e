"""Decides what happens to each delivery. A delivery is one attempt of the broker to give an event to a consumer.

Only the code in this file sends the final answer to a delivery. The broker understands these final answers: "ack" (the
event is handled), "nak" (deliver the event again) and "term" (do not deliver the event again). Before "term", we store
a dead letter, which is a copy of the event for an operator.

| the handler…                                     | what happens to the delivery                                    |
|--------------------------------------------------|-----------------------------------------------------------------|
| returns                                          | ack, because the result of the handler is stored on disk        |
| raises RetryLater                                | nak with the delay that the handler asks for                    |
| raises PermanentFailure                          | dead letter, then term                                          |
| is not called: the message cannot be decoded     | dead letter, then term                                          |
| raises because a dependency is unavailable       | we call the handler again until the dependency is available     |
| raises VersionConflict                           | the same                                                        |
| raises any other error, before the last delivery | nak with a delay that grows with each delivery                  |
| raises any other error, in the last delivery     | dead letter, then term                                          |
| is cancelled because the service stops           | nak without delay, so that another instance gets the event      |
| never returns, because its process dies          | no answer; the broker delivers the event again after `ack_wait` |
| is not called: there were too many deliveries    | dead letter, then term                                          |

RetryPolicy (retry.py) defines which delivery is the last one, the delays, `ack_wait`, and how many deliveries are too
many. The usual cause of too many deliveries is a process that dies during each delivery.

If the stream of the dead letters is missing or full, or NATS does not answer, we wait until the stream has stored the
dead letter. Meanwhile, the broker delivers the event again only if the connection to NATS is lost or the service stops.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from common.domain.errors import DependencyUnavailable, PermanentFailure, RetryLater, VersionConflict
from common.domain.event import Message
from common.events.envelope import TRACEPARENT, decode
from common.events.tracing import continue_trace, set_cause
from common.messaging.consumer import Consumer
from common.messaging.dead_letters import DeadLetters
from common.messaging.publisher import MessageRefused
from common.messaging.retry import RetryPolicy
from common.messaging.streams import DEAD_LETTERS
from common.storage.availability import as_unavailable

log = structlog.get_logger()

S = TypeVar("S")

_HOLD_SECONDS = (0.1, 0.2, 0.5, 1.0)
"""The pauses between two calls of a handler, or two attempts to store a dead letter, while a dependency is unavailable.

After the last pause in this list, each further pause has the same length as the last one.
"""
_NOT_NOW = (DependencyUnavailable, VersionConflict)
"""Errors after which a consumer waits and calls the handler again.

A handler repeats a change several times after a version conflict. If it still raises VersionConflict, many others
change the same aggregate, or the database has answered with old data. Both end by themselves.
"""


class DeliveryProcessor(Generic[S]):
    """Calls the handler of one consumer for each delivery, and answers the broker with ack, nak or term.

    A delivery is one attempt of the broker to give an event to the consumer. The table at the top of this file says in
    which cases the answer is ack (handled), nak (deliver again) or term (do not deliver again).
    """

    def __init__(self, consumer: Consumer[S], service: S, dead_letters: DeadLetters, policy: RetryPolicy) -> None:
        self._consumer = consumer
        self._service = service
        self._dead_letters = dead_letters
        self._policy = policy
        self._waiting_for_dead_letter: set[int] = set()
        self._log = log.bind(consumer=consumer.name)

    @property
    def problem(self) -> str:
        """Say for an operator how many events wait because their dead letter cannot be stored. Empty if none does."""
        if not self._waiting_for_dead_letter:
            return ""
        events = f"Events of the consumer {self._consumer.name} that cannot be handled"
        return f"{events} wait for the stream {DEAD_LETTERS.name}: {len(self._waiting_for_dead_letter)}."

    async def process(self, message: Msg) -> None:
        """Call the handler for the delivery `message`, and answer the broker with ack, nak or term.

        If the broker cannot be reached, the delivery stays without an answer. The broker then delivers the event again.
        """
        try:
            await self._wait_for_batch(message)
            with continue_trace((message.headers or {}).get(TRACEPARENT), cause=message.subject):
                await self._settle(message)
        except asyncio.CancelledError:
            await message.nak()
            raise
        except (NatsError, TimeoutError, OSError, MessageRefused) as error:
            # We could not send the answer, or the stream will never store the dead letter. So the broker delivers the
            # event again after `ack_wait`. This is safe, because all our handlers are idempotent. So a second call with
            # the same event does not change the data again.
            self._log.warning(
                "delivery not answered, the broker will repeat it", subject=message.subject, reason=str(error)
            )

    async def _wait_for_batch(self, message: Msg) -> None:
        """If the consumer has a batch window, wait until the end of the current window.

        The windows follow each other, and each has the length `batch_window_seconds`. All deliveries that arrive in the
        same window wait until its end. So their handlers start at the same moment, and their database calls form a
        batch. If more events are waiting at the broker, do not wait, because then there are already enough deliveries
        for a batch.
        """
        if (window := self._consumer.batch_window_seconds) and not message.metadata.num_pending:
            await asyncio.sleep(window - asyncio.get_running_loop().time() % window)

    async def _settle(self, message: Msg) -> None:
        delivery = message.metadata.num_delivered
        if delivery > self._policy.max_unanswered:
            await self._dead_letter(message, "the process died, or was stopped, during each delivery")
            return
        try:
            event = decode(message.subject, message.data)
            set_cause(event.event_id)
            await self._call_handler(event, message)
        except PermanentFailure as failure:
            await self._dead_letter(message, str(failure))
        except RetryLater as early:
            await message.nak(delay=early.seconds)
        except Exception as failure:  # noqa: BLE001 - whatever the error is, the broker needs an answer
            delay = self._policy.delay_after(delivery)
            reason = f"{type(failure).__name__}: {failure}"
            if delay is None:
                await self._dead_letter(message, reason)
                return
            self._log.warning(
                "handler failed, retrying", subject=message.subject, delivery=delivery, retry_in=delay, exc_info=failure
            )
            await message.nak(delay=delay)
        else:
            await message.ack()
            self._log.info("event handled", subject=message.subject, event_id=event.event_id, delivery=delivery)

    async def _call_handler(self, event: Message, message: Msg) -> None:
        """Call the handler with the event. If a dependency is unavailable, wait and call the handler again."""
        await self._until_available(
            lambda: self._consumer.handle(self._service, event), message, "dependency unavailable, holding the event"
        )

    async def _until_available(self, step: Callable[[], Awaitable[None]], message: Msg, log_message: str) -> None:
        """Call `step`. If MongoDB or another dependency is unavailable, wait and call it again, until it is available.

        We do not ask the broker to deliver the event again, because this would count as a failed delivery. After a few
        failed deliveries, the event would become a dead letter. After a few more, the broker would not deliver it any
        more, even if its dead letter is not stored.
        """
        attempt = 0
        while True:
            try:
                return await step()
            except Exception as error:
                unavailable = error if isinstance(error, _NOT_NOW) else as_unavailable(error)
                if unavailable is None:
                    raise
                if attempt == 0:
                    self._log.warning(log_message, subject=message.subject, reason=unavailable.detail)
            await asyncio.sleep(_HOLD_SECONDS[min(attempt, len(_HOLD_SECONDS) - 1)])
            attempt += 1

    async def _dead_letter(self, message: Msg, reason: str) -> None:
        """Store a dead letter (a copy of the event), and then tell the broker not to deliver the event again.

        The sequence of these two steps is important. If the process dies between them, the broker delivers the event
        again, so the event is not lost. While the dead letter cannot be stored, the event waits here, and `problem`
        says so.
        """
        sequence = message.metadata.sequence.stream

        async def store() -> None:
            try:
                await self._dead_letters.add(message, self._consumer.name, reason)
            except DependencyUnavailable:
                self._waiting_for_dead_letter.add(sequence)
                raise

        try:
            await self._until_available(store, message, "dead letter not stored, holding the event")
        finally:
            self._waiting_for_dead_letter.discard(sequence)
        self._log.error("event became a dead letter", subject=message.subject, reason=reason)
        await message.term()
