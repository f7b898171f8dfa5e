"""Lists, replays and drops dead letters. A dead letter is an event that a consumer could not handle.

To replay a dead letter means to ask its consumer to handle the event again. To drop it means to delete it.

The dead letters are in a stream of their own, which contains two kinds of messages. Usually the consumer that failed
publishes the dead letter, with the reason. But if a consumer crashes at each delivery of an event, the consumer cannot
publish anything. NATS delivers the event as often as the consumer's configuration allows. Then NATS itself publishes an
advisory, which is a message about the failed delivery.
"""

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from common.messaging import dead_letters as dead_letter
from common.messaging.streams import DEAD_LETTERS
from marketplace.operations.operator import Operator
from marketplace.operations.replay_client import ReplayClient
from marketplace.operations.stream_reader import StoredMessage, read_stream

_REPLAY_SECONDS = 15.0
_UNKNOWN = "unknown"
_ADVISORIES = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES."
_REPORTED = "NATS delivered the event as often as it may, and the consumer never answered"
_GONE = f"{_REPORTED}; the event is no longer in its stream"


@dataclass(frozen=True)
class DeadLetter:
    """An event that a consumer could not handle, and that NATS does not deliver to the consumer again."""

    id: int
    """The sequence number of the dead letter in the dead-letter stream."""
    dead_lettered_at: datetime
    consumer: str
    event: str
    """The NATS subject of the event, or "unknown" if neither the dead letter nor the event's stream contains it."""
    reason: str
    deliveries: int
    headers: dict[str, str]
    data: bytes
    stream: str
    """The name of the stream in which the event was published. It is not the dead-letter stream."""
    sequence: int
    """The sequence number of the event in `stream`."""
    advisories: tuple[int, ...] = ()
    """The sequence numbers of further messages about the same failed event in the dead-letter stream.

    NATS writes these messages (advisories) when it stops delivering an event. drop_dead_letter() deletes them together
    with the dead letter.
    """

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "deadLetteredAt": self.dead_lettered_at.isoformat(),
            "consumer": self.consumer,
            "event": self.event,
            "reason": self.reason,
            "deliveries": self.deliveries,
            "stream": self.stream,
            "sequence": self.sequence,
            "headers": self.headers,
            "data": self.data.decode(errors="backslashreplace"),
        }


FailedEvent = tuple[str, str, int]
"""Identifies an event that a consumer could not handle: the consumer, the stream, the sequence number in this stream.

The dead-letter stream may contain two messages about this event: a dead letter from the consumer, and an advisory from
NATS. The three values are equal in both.
"""


async def list_dead_letters(operator: Operator) -> list[DeadLetter]:
    """Return the dead letters, oldest first.

    If both the consumer and NATS have reported the same failed event, the list has only one dead letter for both.
    """
    from_consumers, from_broker = await _read(operator)
    letters = [
        _from_consumer(message, tuple(advisory.sequence for advisory in from_broker.pop(_failed_event(message), [])))
        for message in from_consumers
    ]
    letters += [await _from_broker(operator, event, advisories) for event, advisories in from_broker.items()]
    return sorted(letters, key=lambda letter: letter.id)


async def find_dead_letter(operator: Operator, letter_id: int) -> DeadLetter | None:
    return next((letter for letter in await list_dead_letters(operator) if letter.id == letter_id), None)


async def drop_dead_letter(operator: Operator, letter: DeadLetter) -> None:
    for sequence in {letter.id, *letter.advisories}:
        with suppress(NotFoundError):  # another operator has deleted this message in the meantime
            await operator.broker.jetstream.delete_msg(DEAD_LETTERS.name, sequence)


async def replay_dead_letter(operator: Operator, letter: DeadLetter, client: ReplayClient | None = None) -> str:
    """Send the event of the dead letter again to the consumer that could not handle it.

    If the consumer succeeds, drop the dead letter and return "". Otherwise keep the dead letter, and return the reason
    why the consumer has not handled the event.

    To replay several dead letters, pass the same `client` each time. If a consumer does not answer, the client then
    waits for this consumer only once, and not again for each dead letter.
    """
    if letter.event == _UNKNOWN:
        return letter.reason
    client = client or replay_client(operator)
    reason = await client.replay(letter.consumer, letter.event, letter.data, letter.headers)
    if not reason:
        await drop_dead_letter(operator, letter)
    return reason


def replay_client(operator: Operator) -> ReplayClient:
    """Return a client that asks consumers to handle events again, and waits at most 15 s for each answer.

    This time is long, because a consumer answers only after its handler has finished, and the handler may be slow. For
    example, it may have to wait for Stripe.
    """
    return ReplayClient(operator, answer_seconds=_REPLAY_SECONDS)


async def _read(operator: Operator) -> tuple[list[StoredMessage], dict[FailedEvent, list[StoredMessage]]]:
    """Read the dead-letter stream. Return the messages that consumers wrote, and the messages that NATS wrote.

    The messages of NATS (advisories) are grouped by the failed event that they report.
    """
    from_consumers: list[StoredMessage] = []
    from_broker: dict[FailedEvent, list[StoredMessage]] = {}
    messages: AsyncIterator[StoredMessage] = read_stream(operator.broker, DEAD_LETTERS.name, DEAD_LETTERS.subjects)
    async for message in messages:
        if message.subject.startswith(_ADVISORIES):
            from_broker.setdefault(_reported_event(message), []).append(message)
        else:
            from_consumers.append(message)
    return from_consumers, from_broker


def _failed_event(letter: StoredMessage) -> FailedEvent:
    headers = letter.headers
    return (
        headers.get(dead_letter.CONSUMER, _UNKNOWN),
        headers.get(dead_letter.STREAM, _UNKNOWN),
        _number(headers.get(dead_letter.SEQUENCE)),
    )


def _from_consumer(message: StoredMessage, advisories: tuple[int, ...]) -> DeadLetter:
    headers = message.headers
    consumer, stream, sequence = _failed_event(message)
    return DeadLetter(
        id=message.sequence,
        dead_lettered_at=message.stored_at,
        consumer=consumer,
        event=headers.get(dead_letter.SUBJECT, _UNKNOWN),
        reason=headers.get(dead_letter.REASON, _UNKNOWN),
        deliveries=_number(headers.get(dead_letter.DELIVERIES)),
        headers=headers,
        data=message.data,
        stream=stream,
        sequence=sequence,
        advisories=advisories,
    )


def _reported_event(advisory: StoredMessage) -> FailedEvent:
    content = _content(advisory)
    return (
        str(content.get("consumer", _UNKNOWN)),
        str(content.get("stream", _UNKNOWN)),
        _number(content.get("stream_seq")),
    )


async def _from_broker(operator: Operator, failed: FailedEvent, advisories: list[StoredMessage]) -> DeadLetter:
    """Make one dead letter from the advisories, in which NATS reports one failed delivery of an event to a consumer.

    An advisory does not contain the event, so we read the event from its stream.
    """
    consumer, stream, sequence = failed
    try:
        event = await operator.broker.jetstream.get_msg(stream, sequence)
    except (NatsError, ValueError):  # the event or the stream does not exist any more, or the stream's name is invalid
        event = None
    return DeadLetter(
        id=advisories[0].sequence,
        dead_lettered_at=advisories[0].stored_at,
        consumer=consumer,
        event=(event.subject if event else None) or _UNKNOWN,
        reason=_REPORTED if event else _GONE,
        deliveries=max(_number(_content(advisory).get("deliveries")) for advisory in advisories),
        headers=dict((event.headers if event else None) or {}),
        data=(event.data if event else None) or b"",
        stream=stream,
        sequence=sequence,
        advisories=tuple(advisory.sequence for advisory in advisories[1:]),
    )


def _content(advisory: StoredMessage) -> dict[str, Any]:
    try:
        content = json.loads(advisory.data)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _number(text: object) -> int:
    return int(text) if isinstance(text, str | int) and str(text).isdecimal() else 0
