"""Asks one consumer to handle an event again, outside of what the stream delivers to it."""

from collections.abc import Mapping

from nats.errors import Error as NatsError

from common.messaging import dead_letters as dead_letter
from common.messaging.replay import REPLAYED, replay_subject
from marketplace.operations.operator import Operator


class ReplayClient:
    """Sends replay requests, and waits for each answer.

    It asks a consumer that did not answer once no second time: its service is stopped or hangs, and each further
    request would only wait for the timeout.
    """

    def __init__(self, operator: Operator, *, answer_seconds: float) -> None:
        self._operator = operator
        self._answer_seconds = answer_seconds
        self._no_answer: dict[str, str] = {}

    async def replay(self, consumer: str, subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> str:
        """Return "" if the consumer has handled the event, else the reason. Safe to repeat, as every handler is."""
        if consumer in self._no_answer:
            return self._no_answer[consumer]
        try:
            answer = await self._operator.broker.client.request(
                replay_subject(consumer),
                data,
                timeout=self._answer_seconds,
                headers={**(headers or {}), dead_letter.SUBJECT: subject},
            )
        except (NatsError, TimeoutError) as error:
            reason = f"{consumer} does not answer ({type(error).__name__}): is its service running?"
            self._no_answer[consumer] = reason
            return reason
        return "" if answer.data == REPLAYED else answer.data.decode(errors="backslashreplace")
