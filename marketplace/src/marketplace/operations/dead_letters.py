"""Dead letters: what failed, why, where; and trying it again at the one consumer that failed.

Most are written by the consumer itself, which knows the reason. The broker adds its own word (an advisory) on an event
that it delivered as often as it may without hearing anything: its consumer crashed each time.
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
from marketplace.operations.replays import Replays
from marketplace.operations.stream_reader import StoredMessage, read_stream

_REPLAY_SECONDS = 15.0
_UNKNOWN = "unknown"
_ADVISORIES = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES."
_REPORTED = "the broker delivered it as often as it may, and its consumer never answered"
_GONE = f"{_REPORTED}; the event itself is not in its stream any more"


@dataclass(frozen=True)
class DeadLetter:
    id: int
    """Its place in the dead-letter stream."""
    dead_lettered_at: datetime
    consumer: str
    event: str
    """The subject that it was published under."""
    reason: str
    deliveries: int
    headers: dict[str, str]
    data: bytes
    stream: str
    """Where the event lies, and its sequence there."""
    sequence: int
    advisories: tuple[int, ...] = ()
    """What the broker has stored about the same delivery, in the dead-letter stream: it goes together with this."""

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


Delivery = tuple[str, str, int]
"""Consumer, stream and sequence: what failed, whoever tells of it."""


async def list_dead_letters(operator: Operator) -> list[DeadLetter]:
    """Oldest first; one a delivery, even if the broker has reported it as well."""
    from_consumers, from_broker = await _read(operator)
    letters = [
        _from_consumer(message, tuple(advisory.sequence for advisory in from_broker.pop(_delivery(message), [])))
        for message in from_consumers
    ]
    letters += [await _from_broker(operator, delivery, advisories) for delivery, advisories in from_broker.items()]
    return sorted(letters, key=lambda letter: letter.id)


async def find_dead_letter(operator: Operator, letter_id: int) -> DeadLetter | None:
    return next((letter for letter in await list_dead_letters(operator) if letter.id == letter_id), None)


async def drop_dead_letter(operator: Operator, letter: DeadLetter) -> None:
    for sequence in {letter.id, *letter.advisories}:
        with suppress(NotFoundError):  # somebody else dropped it meanwhile
            await operator.broker.jetstream.delete_msg(DEAD_LETTERS.name, sequence)


async def replay_dead_letter(operator: Operator, letter: DeadLetter, replays: Replays | None = None) -> str:
    """Have the consumer that failed try again; "" and the letter is gone, or the reason why it stays.

    Whoever replays several passes the same `replays` each time, and waits for a silent consumer only once.
    """
    if letter.event == _UNKNOWN:
        return letter.reason
    replays = replays or patient_replays(operator)
    reason = await replays.ask(letter.consumer, letter.event, letter.data, letter.headers)
    if not reason:
        await drop_dead_letter(operator, letter)
    return reason


def patient_replays(operator: Operator) -> Replays:
    """It may be the event's own fault that its handler takes long."""
    return Replays(operator, answer_seconds=_REPLAY_SECONDS)


async def _read(operator: Operator) -> tuple[list[StoredMessage], dict[Delivery, list[StoredMessage]]]:
    """Read the dead letters that consumers wrote, and the advisories of the broker, by delivery."""
    from_consumers: list[StoredMessage] = []
    from_broker: dict[Delivery, list[StoredMessage]] = {}
    messages: AsyncIterator[StoredMessage] = read_stream(operator.broker, DEAD_LETTERS.name, DEAD_LETTERS.subjects)
    async for message in messages:
        if message.subject.startswith(_ADVISORIES):
            from_broker.setdefault(_reported_delivery(message), []).append(message)
        else:
            from_consumers.append(message)
    return from_consumers, from_broker


def _delivery(letter: StoredMessage) -> Delivery:
    headers = letter.headers
    return (
        headers.get(dead_letter.CONSUMER, _UNKNOWN),
        headers.get(dead_letter.STREAM, _UNKNOWN),
        _number(headers.get(dead_letter.SEQUENCE)),
    )


def _from_consumer(message: StoredMessage, advisories: tuple[int, ...]) -> DeadLetter:
    headers = message.headers
    consumer, stream, sequence = _delivery(message)
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


def _reported_delivery(advisory: StoredMessage) -> Delivery:
    told = _told(advisory)
    return str(told.get("consumer", _UNKNOWN)), str(told.get("stream", _UNKNOWN)), _number(told.get("stream_seq"))


async def _from_broker(operator: Operator, delivery: Delivery, advisories: list[StoredMessage]) -> DeadLetter:
    """The event itself is fetched from its stream; it goes by the id of the first advisory."""
    consumer, stream, sequence = delivery
    try:
        event = await operator.broker.jetstream.get_msg(stream, sequence)
    except (NatsError, ValueError):  # of a stream that does not exist, or whose name cannot be one, it is gone as well
        event = None
    return DeadLetter(
        id=advisories[0].sequence,
        dead_lettered_at=advisories[0].stored_at,
        consumer=consumer,
        event=(event.subject if event else None) or _UNKNOWN,
        reason=_REPORTED if event else _GONE,
        deliveries=max(_number(_told(advisory).get("deliveries")) for advisory in advisories),
        headers=dict((event.headers if event else None) or {}),
        data=(event.data if event else None) or b"",
        stream=stream,
        sequence=sequence,
        advisories=tuple(advisory.sequence for advisory in advisories[1:]),
    )


def _told(advisory: StoredMessage) -> dict[str, Any]:
    try:
        told = json.loads(advisory.data)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _number(text: object) -> int:
    return int(text) if isinstance(text, str | int) and str(text).isdecimal() else 0
