"""Asks a consumer to handle an event again.

The request goes only to this consumer. It is not published to a stream, so no other consumer receives the event again.
"""

from collections.abc import Mapping

from nats.errors import Error as NatsError

from common.messaging import dead_letters as dead_letter
from common.messaging.replay import REPLAYED, replay_subject
from marketplace.operations.operator import Operator


class ReplayClient:
    """Sends replay requests, and waits for each answer. A replay request asks a consumer to handle an event again.

    If a consumer does not answer a request, its service is probably stopped or hangs. Then the client sends no more
    requests to this consumer. Otherwise it would wait for the timeout at each further request.
    """

    def __init__(self, operator: Operator, *, answer_seconds: float) -> None:
        self._operator = operator
        self._answer_seconds = answer_seconds
        self._no_answer: dict[str, str] = {}

    async def replay(self, consumer: str, subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> str:
        """Ask the consumer to handle the event. If the consumer succeeds, return "".

        If the consumer fails or does not answer, return the reason.

        You may call this method again with the same event. Every handler is written for this case, because NATS may
        also deliver an event more than once.
        """
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
