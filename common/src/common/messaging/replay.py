"""Calls the handler of one consumer with an event that an operator's command sends. This is called a replay.

The operator uses a replay, for example, for a dead letter, which is a copy of an event that the consumer could not
handle. The command sends the event as a request to a subject on which only this consumer listens. The consumer calls
its handler and answers the request:

| the handler…     | answer                                                                |
|------------------|-----------------------------------------------------------------------|
| returns          | `REPLAYED`; if there is a dead letter, the command then removes it    |
| raises an error  | the text of the error; if there is a dead letter, it stays            |

The broker has not delivered this event, so the consumer sends no acknowledgement and does not retry.
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
"""The consumer's answer to an operator's request to handle an event again, if the handler has raised no error."""


def replay_subject(consumer: str) -> str:
    """Return the subject on which `consumer` receives an operator's requests to handle an event again."""
    return f"replay.{consumer}"


async def replay(consumer: Consumer[S], service: S, message: Msg) -> None:
    """Call the consumer's handler with the event in the request `message`, and answer the request.

    The answer is REPLAYED, or the text of the error if there was one.
    """
    headers = message.headers or {}
    subject = headers.get(SUBJECT, "")
    replay_log = log.bind(consumer=consumer.name, subject=subject)
    try:
        event = decode(subject, message.data)
        with continue_trace(headers.get(TRACEPARENT), cause=event.event_id):
            await consumer.handle(service, event)
    except Exception as failure:  # noqa: BLE001 - the answer tells the operator every error
        replay_log.warning("replay failed", exc_info=failure)
        await message.respond(f"{type(failure).__name__}: {failure}".encode())
    else:
        replay_log.info("replay succeeded", event_id=event.event_id)
        await message.respond(REPLAYED)
