"""Sends what happens in the platform to everybody who looks at the page /live.

Each viewer has a bounded list of the newest events, and the number of all events. So a viewer that reads slowly misses
events in the list, but no event in the numbers, and needs a bounded amount of memory.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Any

from common.domain.clock import utc_now
from common.domain.errors import DependencyUnavailable
from common.domain.event import Event
from common.events.orders import OrderEvent
from common.events.payments import PaymentEvent
from common.events.tickets import TicketEvent

MAX_VIEWERS = 100
_MOST_EVENTS = 40
_PAUSE_SECONDS = 0.1
"""Between two messages to a viewer. A message contains all events that have arrived since the last one."""
_KEEP_ALIVE_SECONDS = 15.0
_LONGEST_CONNECTION_SECONDS = 900.0
_GREETING = b"retry: 1000\n\n"
_KEEP_ALIVE = b": keep-alive\n\n"

Shown = list[str | int]
"""What the page shows of an event: its type, the id and version of its aggregate, its time, and the ticket's title."""


class Viewer:
    def __init__(self, past: Iterable[Shown]) -> None:
        self._past: list[Shown] | None = list(past)
        self._events: deque[Shown] = deque(maxlen=_MOST_EVENTS)
        self._counts: Counter[str] = Counter()
        self._figures: dict[str, Any] | None = None
        self._is_closed = False
        self._wake = asyncio.Event()
        self._wake.set()

    def note(self, event: Shown) -> None:
        self._events.append(event)
        self._counts[str(event[0])] += 1
        self._wake.set()

    def remember(self, past: Iterable[Shown]) -> None:
        self._past = list(past)
        self._wake.set()

    def show(self, figures: dict[str, Any]) -> None:
        self._figures = figures
        self._wake.set()

    def close(self) -> None:
        self._is_closed = True
        self._wake.set()

    async def read(self) -> AsyncIterator[bytes]:
        """Yield the parts of the answer, until the viewer is closed or has looked for 15 minutes."""
        yield _GREETING
        ends_at = asyncio.get_running_loop().time() + _LONGEST_CONNECTION_SECONDS
        while not self._is_closed and asyncio.get_running_loop().time() < ends_at:
            try:
                async with asyncio.timeout(_KEEP_ALIVE_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                yield _KEEP_ALIVE
                continue
            self._wake.clear()
            if text := "".join(self._take()):
                yield text.encode()
            await asyncio.sleep(_PAUSE_SECONDS)

    def _take(self) -> Iterable[str]:
        if self._past is not None:
            past, self._past = self._past, None
            yield _encode("past", {"events": past})
        if self._counts:
            events, counts = list(self._events), dict(self._counts)
            self._events.clear()
            self._counts.clear()
            yield _encode("events", {"events": events, "counts": counts})
        if self._figures is not None:
            figures, self._figures = self._figures, None
            yield _encode("figures", figures)


class Audience:
    """All viewers of this process."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()
        self._past: deque[Shown] = deque(maxlen=_MOST_EVENTS)
        self._somebody_looks = asyncio.Event()
        self._is_closed = False

    def enter(self) -> Viewer:
        """Raises DependencyUnavailable if this process has too many viewers, or is about to stop."""
        if self._is_closed or len(self._viewers) >= MAX_VIEWERS:
            raise DependencyUnavailable("Too many people look at the platform now.")
        viewer = Viewer(self._past)
        self._viewers.add(viewer)
        self._somebody_looks.set()
        return viewer

    def leave(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)
        if not self._viewers:
            self._somebody_looks.clear()

    async def until_somebody_looks(self) -> None:
        await self._somebody_looks.wait()

    def remember(self, events: Iterable[tuple[Event, datetime | None]]) -> None:
        """Take over events that were stored before this process began to note them, oldest first."""
        noted = list(self._past)
        keys = {tuple(each[:3]) for each in noted}
        older: list[Shown] = []
        for event, at in events:
            shown = _shown(event, at, older)
            if tuple(shown[:3]) not in keys:
                older.append(shown)
        self._past = deque([*older, *noted], maxlen=_MOST_EVENTS)
        for viewer in self._viewers:
            viewer.remember(self._past)

    def note(self, event: Event, at: datetime | None) -> None:
        """Show an event to all viewers: everybody may see that it happened, but not to whom."""
        shown = _shown(event, at, self._past)
        self._past.append(shown)
        for viewer in self._viewers:
            viewer.note(shown)

    def show(self, figures: dict[str, Any]) -> None:
        for viewer in self._viewers:
            viewer.show(figures)

    def close(self) -> None:
        """End all answers, because the process stops."""
        self._is_closed = True
        for viewer in self._viewers:
            viewer.close()


def _shown(event: Event, at: datetime | None, past: Iterable[Shown]) -> Shown:
    time = (at or utc_now()).isoformat(timespec="milliseconds")
    return [event.type_name(), event.id, event.version, time, _title_of(event, past)]


def _title_of(event: Event, past: Iterable[Shown]) -> str:
    """Return the title of the ticket. An event of a payment does not say it, but an earlier event of its order does."""
    if isinstance(event, PaymentEvent):
        return next((str(title) for _, of, _, _, title in past if of == event.order_id), "")
    if isinstance(event, OrderEvent):
        return event.ticket.title
    return event.title if isinstance(event, TicketEvent) else ""


def _encode(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
