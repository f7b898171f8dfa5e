"""Reads the events of an aggregate (for example of an order) from the streams.

The reader finds the events by their subjects, because the subject of an event ends with the aggregate's id.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nats.errors import Error as NatsError
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from common.domain.errors import DependencyUnavailable
from common.domain.event import Event
from common.events.envelope import CAUSE, TIME, TRACEPARENT
from common.messaging.broker import Broker
from common.messaging.streams import DOMAIN_EVENTS, GENERAL_EVENTS, Stream, stream_of

_LONGEST = 200


@dataclass(frozen=True)
class TimelineEvent:
    """An event as it is stored in the stream.

    `cause` says which request or which other event has led to this event. `cause` and `trace_id` come from the headers
    of the event.
    """

    event: str
    subject: str
    at: datetime
    version: int
    cause: str
    trace_id: str | None
    data: dict[str, Any]

    @property
    def aggregate_id(self) -> str:
        return self.subject.rpartition(".")[2]


class TimelineReader:
    """Reads the events of aggregates from `streams`, through the connection of `broker`."""

    def __init__(self, broker: Broker, streams: Sequence[Stream] = (DOMAIN_EVENTS, GENERAL_EVENTS)) -> None:
        self._broker = broker
        self._streams = streams

    async def read(self, aggregate_ids: Iterable[str]) -> list[TimelineEvent]:
        """Return the events of the aggregates with these ids, the oldest event first.

        If a stream contains more than 200 events of an aggregate, the result contains only the first 200 of them.
        """
        found: list[TimelineEvent] = []
        for aggregate_id in aggregate_ids:
            for stream in self._streams:
                found += await self._read(stream.name, f"*.*.{aggregate_id}")
        return sorted(found, key=lambda event: (event.at, event.version))

    async def read_newest(self, event: type[Event], aggregate_id: str) -> list[TimelineEvent]:
        """Return the newest event of this type and aggregate, if there is one. It may be in any stream.

        This needs only the permission to read the events of this type.
        """
        subject = f"{event.type_name()}.{aggregate_id}"
        try:
            message = await self._broker.jetstream.get_last_msg(stream_of(event).name, subject, direct=True)
            return [_event(message)]
        except (NotFoundError, ValueError, KeyError):
            return []
        except (TimeoutError, NatsError) as error:
            raise DependencyUnavailable("The event stream does not answer.") from error

    async def _read(self, stream: str, subject: str) -> list[TimelineEvent]:
        found: list[TimelineEvent] = []
        sequence = 1
        try:
            for _ in range(_LONGEST):
                message = await self._broker.jetstream.get_msg(stream, sequence, subject, direct=True, next=True)
                with suppress(ValueError, KeyError):  # skip a message that does not have the format of an event
                    found.append(_event(message))
                sequence = (message.seq or 0) + 1
        except NotFoundError:
            return found
        except (TimeoutError, NatsError) as error:
            raise DependencyUnavailable("The event stream does not answer.") from error
        return found


def time_of(message: RawStreamMsg) -> datetime | None:
    """Return when the event in this message happened, or None if the message does not say so."""
    try:
        return datetime.fromisoformat((message.headers or {})[TIME])
    except (KeyError, ValueError):
        return None


def _event(message: RawStreamMsg) -> TimelineEvent:
    headers = message.headers or {}
    data = json.loads(message.data or b"{}")
    subject = message.subject or ""
    return TimelineEvent(
        event=subject.rpartition(".")[0],
        subject=subject,
        at=datetime.fromisoformat(headers[TIME]),
        version=data["version"],
        cause=headers.get(CAUSE, "unknown"),
        trace_id=headers[TRACEPARENT].split("-")[1] if TRACEPARENT in headers else None,
        data=data,
    )
