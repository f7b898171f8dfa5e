"""Asking one consumer to handle an event once more, beside what the stream delivers to it."""

from collections.abc import Mapping

from nats.errors import Error as NatsError

from common.messaging import dead_letters as dead_letter
from common.messaging.replay import REPLAYED, replay_subject
from marketplace.operations.operator import Operator


class Replays:
    """A consumer that was silent once is not waited for again: it is stopped or hangs, whatever it is asked."""

    def __init__(self, operator: Operator, *, answer_seconds: float) -> None:
        self._operator = operator
        self._answer_seconds = answer_seconds
        self._silent: dict[str, str] = {}

    async def ask(self, consumer: str, subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> str:
        """Return "" if it has handled the event, else the reason why not. Safe to repeat, as every handler is."""
        if consumer in self._silent:
            return self._silent[consumer]
        try:
            answer = await self._operator.broker.client.request(
                replay_subject(consumer),
                data,
                timeout=self._answer_seconds,
                headers={**(headers or {}), dead_letter.SUBJECT: subject},
            )
        except (NatsError, TimeoutError) as error:
            silence = f"{consumer} does not answer ({type(error).__name__}): is its service running?"
            self._silent[consumer] = silence
            return silence
        return "" if answer.data == REPLAYED else answer.data.decode(errors="backslashreplace")
