"""How an event travels: its JSON as the payload, everything about it in the headers (CloudEvents, binary mode)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from pydantic import ValidationError

from common.domain.errors import PermanentFailure
from common.domain.event import Event, Message
from common.events.catalog import MESSAGES
from common.events.tracing import current_cause, current_traceparent

MESSAGE_ID = "Nats-Msg-Id"
TRACEPARENT = "traceparent"
CAUSE = "ce-causationid"
TIME = "ce-time"


@dataclass(frozen=True)
class StagedEvent:
    """An event as it lies in the outbox: ready to be published by someone who knows nothing of its schema."""

    id: str
    subject: str
    data: str
    headers: dict[str, str]
    staged_at: datetime

    @classmethod
    def stage(cls, event: Event, now: datetime) -> Self:
        headers = {
            MESSAGE_ID: event.event_id,
            "ce-specversion": "1.0",
            "ce-id": event.event_id,
            "ce-type": f"{event.type_name()}.v{event.schema_version}",
            "ce-source": f"/{event.publisher}",
            "ce-subject": event.id,
            TIME: now.isoformat(),
            CAUSE: current_cause(),
            "content-type": "application/json",
        }
        if traceparent := current_traceparent():
            headers[TRACEPARENT] = traceparent
        return cls(event.event_id, event.subject, event.to_json(), headers, now)

    def to_document(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        return cls(**document)


class MalformedEvent(PermanentFailure):
    """Its bytes are not what the catalogue says."""


def decode(subject: str, data: bytes) -> Message:
    """The event, or timer, in a message. Raises MalformedEvent, with a reason that a person can act on."""
    aggregate, fact, *_ = [*subject.split("."), "", ""]
    message_type = MESSAGES.get(f"{aggregate}.{fact}")
    if message_type is None:
        raise MalformedEvent(f"no event of the catalogue has the subject {subject!r}")
    try:
        message = message_type.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "payload"
        raise MalformedEvent(f"{message_type.__name__}: {where}: {first['msg']}") from error
    if message.subject != subject:
        raise MalformedEvent(
            f"{message_type.__name__}: its id {message.id!r} is not the one in its subject {subject!r}"
        )
    return message


def decode_event(subject: str, data: bytes) -> Event:
    """The event in a message. Raises MalformedEvent, also for a timer, which is no event."""
    message = decode(subject, data)
    if not isinstance(message, Event):
        raise MalformedEvent(f"{type(message).__name__} is no event")
    return message
