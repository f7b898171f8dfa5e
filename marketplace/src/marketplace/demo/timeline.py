"""An order's events, as they are told to a person: when, what, because of what."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from marketplace.demo.answers import TimelineEntry

_EVENT_ID = re.compile(r"(?P<aggregate>[a-z]+)-[0-9a-f]{24}-(?P<version>\d+)")


@dataclass(frozen=True)
class Row:
    after: float
    """Seconds since the first event."""
    event: str
    cause: str
    version: int


def told(events: Sequence[TimelineEntry]) -> list[Row]:
    # An event's id is made of its aggregate, the aggregate's id and the version, and a cause names an event by it.
    names = {f"{e.subject.split('.')[0]}-{e.subject.split('.')[-1]}-{e.version}": e.event for e in events}
    return [
        Row(
            after=(event.at - events[0].at).total_seconds(),
            event=event.event,
            cause=_in_words(event.cause, names),
            version=event.version,
        )
        for event in events
    ]


def _in_words(cause: str | None, names: dict[str, str]) -> str:
    """A request stays as it is; an event's id becomes its name, or what can be read from the id itself."""
    if cause is None or cause == "unknown":
        return "—"
    if cause in names:
        return names[cause]
    elsewhere = _EVENT_ID.fullmatch(cause)
    return f"{elsewhere['aggregate']}, version {elsewhere['version']}" if elsewhere else cause
