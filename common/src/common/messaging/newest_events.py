"""Reads the newest events that a service has published, from the streams."""

from contextlib import suppress

from nats.errors import NoRespondersError
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from common.domain.errors import DependencyUnavailable
from common.domain.event import Event
from common.events.catalog import EVENT_TYPES
from common.events.envelope import MalformedEvent, decode_event
from common.messaging.broker import Broker
from common.messaging.streams import stream_of


async def newest_events(broker: Broker, service: str) -> list[Event]:
    """Return the newest event of each type that the service `service` publishes. Leave out types without an event.

    Also leave out an event that cannot be parsed. Raises DependencyUnavailable or an error of nats-py if a stream does
    not answer.
    """
    found = []
    for event_type in EVENT_TYPES:
        if event_type.publisher == service:
            with suppress(NotFoundError, MalformedEvent):
                message = await _newest(broker, stream_of(event_type).name, event_type.subjects())
                found.append(decode_event(message.subject or "", message.data or b""))
    return found


async def _newest(broker: Broker, stream: str, subjects: str) -> RawStreamMsg:
    try:
        return await broker.jetstream.get_last_msg(stream, subjects, direct=True)
    except NoRespondersError:
        raise DependencyUnavailable(f"The stream {stream} does not exist, or does not answer now.") from None
