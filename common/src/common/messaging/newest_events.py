"""Reads the newest events that a service has published, from the streams.

Only the subjects and the headers are read. So this also works for an event whose content cannot be parsed.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from nats.errors import NoRespondersError
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from common.domain.errors import DependencyUnavailable
from common.domain.event import Event
from common.domain.logged_once import LoggedOnce
from common.events.catalog import EVENT_TYPES
from common.events.envelope import EVENT_ID
from common.messaging.broker import Broker
from common.messaging.streams import DOMAIN_EVENTS, stream_of

log = structlog.get_logger()

_VERSION = "[0-9]{1,18}"
"""A number with 18 digits always fits into an integer of MongoDB."""
_logged = LoggedOnce()


@dataclass(frozen=True)
class PublishedEvent:
    """The id of an event in a stream, with the aggregate and the version in this id."""

    event_id: str
    aggregate_id: str
    version: int


async def newest_events(broker: Broker, service: str) -> list[PublishedEvent]:
    """Return the newest event of each type that the service `service` publishes. Leave out types without an event.

    A message without an id of an event was not published by the service. In the stream DOMAIN_EVENTS, the function
    searches for an older one. It may not do so in the other stream, because this has the e-mail addresses of all users.

    Raises DependencyUnavailable or an error of nats-py if a stream does not answer.
    """
    types = [event_type for event_type in EVENT_TYPES if event_type.publisher == service]
    found = [await _newest_event(broker, event_type) for event_type in types]
    return [event for event in found if event]


async def _newest_event(broker: Broker, event_type: type[Event]) -> PublishedEvent | None:
    stream, subjects = stream_of(event_type), event_type.subjects()
    try:
        newest = await broker.jetstream.get_last_msg(stream.name, subjects, direct=True)
    except NotFoundError:
        return None
    except NoRespondersError:
        raise DependencyUnavailable(f"The stream {stream.name} does not exist, or does not answer now.") from None
    if event := _published_event(event_type, newest):
        return event
    if _logged.is_new(f"{stream.name} {newest.seq}"):
        log.warning("the newest message of a type has no id of an event", subject=newest.subject, sequence=newest.seq)
    if stream is not DOMAIN_EVENTS:
        return None

    async def message_from(sequence: int) -> RawStreamMsg:
        return await broker.jetstream.get_msg(stream.name, sequence, subjects, direct=True, next=True)

    return await _newest_event_before(newest.seq or 0, event_type, message_from)


async def _newest_event_before(
    end: int, event_type: type[Event], message_from: Callable[[int], Awaitable[RawStreamMsg]]
) -> PublishedEvent | None:
    """Return the newest event before the position `end`, or None if there is none. At `end` is a message of this type.

    The stream finds only the next message after a position. So read all messages of a few positions before `end`, then
    of twice as many positions before these, and so on, until an event is among them.
    """
    positions = 8
    while end > 1:
        begin, found = max(1, end - positions), None
        message = await message_from(begin)
        while (message.seq or end) < end:
            found = _published_event(event_type, message) or found
            message = await message_from((message.seq or end) + 1)
        if found:
            return found
        end, positions = begin, 2 * positions
    return None


def _published_event(event_type: type[Event], message: RawStreamMsg) -> PublishedEvent | None:
    event_id = (message.headers or {}).get(EVENT_ID, "")
    aggregate_id = (message.subject or "").rpartition(".")[2]
    parts = re.fullmatch(f"{event_type.aggregate}-{re.escape(aggregate_id)}-({_VERSION})", event_id)
    return PublishedEvent(event_id, aggregate_id, int(parts[1])) if parts else None
