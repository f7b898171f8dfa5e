"""Encodes and decodes messages.

The payload of a message is the JSON text of the event or timer. The headers of an event follow the CloudEvents standard
in its binary mode. In this mode, the headers describe the event, and the payload contains only the event itself.
"""

from datetime import datetime
from typing import Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from common.domain.errors import PermanentFailure, first_problem
from common.domain.event import Event, Message
from common.domain.ids import new_id
from common.events.catalog import MESSAGES
from common.events.tracing import current_cause, current_traceparent

MESSAGE_ID = "Nats-Msg-Id"
EVENT_ID = "ce-id"
TRACEPARENT = "traceparent"
CAUSE = "ce-causationid"
REPUBLISHED = "ce-republished"
"""This header has the value "true" if the event is the owner's present state, which its owner has published again.

An owner does this after the stream was lost, or was restored from an older backup. The events of the older versions may
then be missing, and the audit does not report them.
"""
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
            EVENT_ID: event.event_id,
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

    @classmethod
    def stage_again(cls, event: Event, now: datetime) -> Self:
        """Encode an event that may have been published before. It has the header REPUBLISHED.

        The id of the message is new. So the stream stores the message, although it may already have the event. The
        consumers look at the version of the event, and ignore what they already know.
        """
        staged = cls.stage(event, now)
        message_id = f"{staged.id}-republished-{new_id()}"
        headers = {**staged.headers, MESSAGE_ID: message_id, REPUBLISHED: "true"}
        return staged.model_copy(update={"id": message_id, "headers": headers})

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
