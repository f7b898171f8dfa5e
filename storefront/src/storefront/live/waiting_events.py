"""The events that the copies may not contain yet, one for each aggregate."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from common.domain.event import Event

_LATE_SECONDS = 2.0
_LOOK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, eq=False)
class WaitingEvent:
    event: Event
    """The newest event of its aggregate."""
    position: int
    oldest_position: int
    """The position of the first event of this aggregate that the copies may lack."""
    since: float

    @property
    def key(self) -> str:
        return f"{self.event.aggregate} {self.event.id}"


class WaitingEvents:
    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._events: dict[str, WaitingEvent] = {}
        self._looks_at_late_ones_at = 0.0

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[WaitingEvent]:
        return iter(self._events.values())

    def add(self, event: Event, position: int) -> None:
        new = WaitingEvent(event, position, position, self._time())
        known = self._events.get(new.key)
        if known is None:
            self._events[new.key] = new
        elif known.event.version < event.version:
            self._events[new.key] = WaitingEvent(event, position, known.oldest_position, new.since)

    def remove(self, events: Iterable[WaitingEvent]) -> None:
        """Remove these events, except those that a newer event of the same aggregate has replaced meanwhile."""
        for each in events:
            if self._events.get(each.key) is each:
                del self._events[each.key]

    def clear(self) -> None:
        self._events.clear()

    def worth_a_look(self) -> list[WaitingEvent]:
        """Return the events whose copies should be looked at now: all once per second, and the fresh ones each time.

        So events that wait for long, perhaps thousands of a consumer that does not run, do not hold up the others.
        """
        now = self._time()
        if now >= self._looks_at_late_ones_at:
            self._looks_at_late_ones_at = now + _LOOK_AGAIN_SECONDS
            return list(self)
        return self.waiting_less_than(_LATE_SECONDS)

    def waiting_less_than(self, seconds: float) -> list[WaitingEvent]:
        return [each for each in self if each.since > self._time() - seconds]

    def waiting_longer_than(self, seconds: float) -> list[WaitingEvent]:
        return [each for each in self if each.since <= self._time() - seconds]

    def settled(self, newest: int) -> int:
        """Return the position up to which the copies contain all events. `newest` is the position read last."""
        return min((each.oldest_position - 1 for each in self), default=newest)
