"""Reads the events of aggregates from the streams, for the commands for operators.

stream_reader.py reads the messages, which may not be events.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from nats.js.errors import NotFoundError

from common.domain.event import Event
from common.events.envelope import MalformedEvent, decode_event
from common.messaging.broker import Broker
from common.messaging.streams import stream_of
from marketplace.operations.stream_reader import count_messages, read_stream

Progress = Callable[[int, int], None]
"""A function that shows the progress of a command. The command calls it regularly.

The parameters are the number of things (for example events) that are done so far, and the number of all of them.
"""

_REPORT_EVERY = 500


def no_progress(_done: int, _all: int) -> None:
    """Do not show the progress."""


@dataclass
class NewestEvents:
    events: int = 0
    """The number of events that could be parsed."""
    of_aggregate: dict[str, Event] = field(default_factory=dict)
    """Maps the id of each aggregate to its event with the highest version."""


async def read_newest_events(broker: Broker, events: tuple[type[Event], ...], on_progress: Progress) -> NewestEvents:
    """Read all events of these types, which belong to one type of aggregate.

    Of two events with one version, the later one counts, because after a restore the owner has published it.
    """
    found = NewestEvents()
    async for event in read_all_events(broker, events, on_progress):
        found.events += 1
        newest = found.of_aggregate.get(event.id)
        if newest is None or newest.version <= event.version:
            found.of_aggregate[event.id] = event
    return found


async def read_all_events(
    broker: Broker, events: tuple[type[Event], ...], on_progress: Progress
) -> AsyncIterator[Event]:
    """Yield all events of these types, which must be in the same stream, oldest first.

    Leave out events that cannot be parsed. The services cannot parse such an event either, so it has no effect on their
    data.
    """
    stream, subjects = stream_of(events[0]).name, [event.subjects() for event in events]
    total, done = await count_messages(broker, stream, subjects), 0
    async for message in read_stream(broker, stream, subjects):
        done += 1
        if done % _REPORT_EVERY == 0:
            on_progress(done, max(total, done))
        with suppress(MalformedEvent):
            yield decode_event(message.subject, message.data)
    on_progress(done, done)


async def read_events_of(broker: Broker, event: type[Event], aggregate_id: str) -> list[Event]:
    """Return every event of one aggregate, in the order of the stream. Ignore events that cannot be parsed.

    `event` is any event class of this type of aggregate. For an order, it can be OrderCreated or OrderCancelled. The
    function reads the stream to which events of this class are published.
    """
    found: list[Event] = []
    sequence = 1
    subject = f"{event.aggregate}.*.{aggregate_id}"
    with suppress(NotFoundError):
        while True:
            message = await broker.jetstream.get_msg(stream_of(event).name, sequence, subject, direct=True, next=True)
            with suppress(MalformedEvent):
                found.append(decode_event(message.subject or "", message.data or b""))
            sequence = (message.seq or 0) + 1
    return found
