"""Encodes and decodes messages.

The payload of a message is the JSON text of the event or timer. The headers of an event follow the CloudEvents standard
in its binary mode. In this mode, the headers describe the event, and the payload contains only the event itself.
"""

from datetime import datetime
from typing import Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from common.domain.errors import PermanentFailure, first_problem
from common.domain.event import Event, Message
from common.events.catalog import MESSAGES
from common.events.tracing import current_cause, current_traceparent

MESSAGE_ID = "Nats-Msg-Id"
TRACEPARENT = "traceparent"
CAUSE = "ce-causationid"
TIME = "ce-time"


class StagedEvent(BaseModel):
    """An event in the form in which the outbox stores it.

    The outbox stores events that are not published yet. The event is already encoded as JSON. So the outbox relay,
    which publishes the event, does not need to know the event's class.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    id: str
    subject: str
    data: str
    headers: dict[str, str]
    staged_at: AwareDatetime

    @classmethod
    def stage(cls, event: Event, now: datetime) -> Self:
        """Encode the event for the outbox.

        The headers describe the event. The header `ce-causationid` names the request or the other event that the
        service is processing now. The header `traceparent` names the current trace, which connects all work that one
        request has started.
        """
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
        return cls(id=event.event_id, subject=event.subject, data=event.to_json(), headers=headers, staged_at=now)

    def to_document(self) -> dict[str, Any]:
        return dict(vars(self))


class MalformedEvent(PermanentFailure):
    """A message cannot be decoded.

    Either the list of all message types (common.events.catalog) does not contain the type that the subject names, or
    the data is not valid for this type.
    """


def decode(subject: str, data: bytes) -> Message:
    """Decode an event or a timer.

    Raises MalformedEvent if the message cannot be decoded. The text of the error tells an operator the reason.
    """
    aggregate, fact, *_ = [*subject.split("."), "", ""]
    message_type = MESSAGES.get(f"{aggregate}.{fact}")
    if message_type is None:
        raise MalformedEvent(f"the catalogue has no message with the subject {subject!r}")
    try:
        message = message_type.model_validate_json(data)
    except ValidationError as error:
        raise MalformedEvent(f"{message_type.__name__}: {first_problem(error)}") from error
    if message.subject != subject:
        raise MalformedEvent(
            f"{message_type.__name__}: the id {message.id!r} differs from the id in the subject {subject!r}"
        )
    return message


def decode_event(subject: str, data: bytes) -> Event:
    """Decode an event. Raises MalformedEvent if the message cannot be decoded, and also if the message is a timer."""
    message = decode(subject, data)
    if not isinstance(message, Event):
        raise MalformedEvent(f"{type(message).__name__} is not an event")
    return message
