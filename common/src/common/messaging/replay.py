"""Replays a dead letter at one consumer, for an operator.

The operator sends the event as a request to the consumer's replay subject. The consumer calls its handler and answers:

| the handler…     | answer                                                    |
|------------------|-----------------------------------------------------------|
| returns          | `REPLAYED`: the operator removes the dead letter          |
| raises anything  | the error, as text: the operator keeps the dead letter    |

There is no acknowledgement and no retry: a replay is not a delivery.
"""

from typing import TypeVar

import structlog
from nats.aio.msg import Msg

from common.events.envelope import TRACEPARENT, decode
from common.events.tracing import continue_trace
from common.messaging.consumer import Consumer
from common.messaging.dead_letters import SUBJECT

log = structlog.get_logger()

S = TypeVar("S")

REPLAYED = b"+OK"
"""The answer when the handler returned."""


def replay_subject(consumer: str) -> str:
    """The subject for the replays at one consumer."""
    return f"replay.{consumer}"


async def replay(consumer: Consumer[S], service: S, message: Msg) -> None:
    """Call the handler with the event in the request, and answer the request."""
    headers = message.headers or {}
    subject = headers.get(SUBJECT, "")
    replay_log = log.bind(consumer=consumer.name, subject=subject)
    try:
        event = decode(subject, message.data)
        with continue_trace(headers.get(TRACEPARENT), cause=event.event_id):
            await consumer.handle(service, event)
    except Exception as failure:  # noqa: BLE001 - the operator gets every error as the answer
        replay_log.warning("replay failed", exc_info=failure)
        await message.respond(f"{type(failure).__name__}: {failure}".encode())
    else:
        replay_log.info("replay succeeded", event_id=event.event_id)
        await message.respond(REPLAYED)
