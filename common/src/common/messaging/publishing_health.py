"""Remembers whether events can be published now, and logs what goes wrong."""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection

import structlog

from common.domain.errors import DependencyUnavailable
from common.domain.logged_once import LoggedOnce
from common.events.envelope import StagedEvent
from common.messaging.publisher import EventIdTaken

log = structlog.get_logger()

_MAY_FAIL_SECONDS = 3.0
"""A shorter failure, for example while NATS restarts, is no reason to refuse changes."""
_MAY_WAIT_SECONDS = 10.0
"""A new event may wait for this time until the stream has stored it, for example because the disk of NATS is slow.

The command `marketplace lag` has the same bound for an event in an outbox.
"""


class PublishingHealth:
    """The outbox relay tells this object which events wait, and the result of each attempt to publish an event."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`monotonic` returns the seconds of a clock that never goes back."""
        self._monotonic = monotonic
        self._failing_since: float | None = None
        self._waiting: OrderedDict[str, float] = OrderedDict()
        """The ids of the events that wait until the stream stores them, and since when. The oldest comes first.

        It does not contain events that the stream refuses for good.
        """
        self._refused = LoggedOnce()
        self.taken: dict[str, int] = {}
        """The ids of staged events that cannot be published, because the stream has other events with these ids.

        The values are the positions of the other events in the stream.

        The relay does not publish these events again. It only checks again whether the stream has them. After 10
        minutes, the stream would not recognise their ids any more, and would store them. The consumers would ignore
        them, because the versions are not new. The command `marketplace restore-done` replaces these events, and the
        next outbox polling then updates this set.
        """

    @property
    def failing_seconds(self) -> float:
        """For how long no event could be published, because the stream was unavailable. 0 if publishing works.

        A monotonic clock measures this time. An event that the stream refuses does not count.
        """
        return 0.0 if self._failing_since is None else self._monotonic() - self._failing_since

    @property
    def waiting_seconds(self) -> float:
        """For how long the oldest event waits until the stream has stored it. 0 if none waits.

        It can be long although `failing_seconds` is short, if the stream is slow, or if it stores only other events.
        """
        return self._monotonic() - next(iter(self._waiting.values())) if self._waiting else 0.0

    @property
    def problem(self) -> str:
        """Why the service must refuse changes now, as a sentence for an operator. It is empty if there is no reason."""
        if self.failing_seconds > _MAY_FAIL_SECONDS:
            return f"The stream has taken no event for {self.failing_seconds:.0f} s."
        if self.waiting_seconds > _MAY_WAIT_SECONDS:
            return f"An event waits for the stream for {self.waiting_seconds:.0f} s."
        return ""

    def note_waiting(self, event_id: str) -> None:
        """Note that an event waits. If it waits already, this changes nothing."""
        self._waiting.setdefault(event_id, self._monotonic())

    def note_poll(self, found: Collection[str]) -> None:
        """Note the ids of all events that are in an outbox or in the queue of the relay, after a complete poll.

        The others were published by another process, or an operator has removed them. If no event waits any more, there
        is no sign that publishing still fails.
        """
        self.taken = {event_id: sequence for event_id, sequence in self.taken.items() if event_id in found}
        for event_id in [each for each in self._waiting if each not in found]:
            del self._waiting[event_id]
        if not self._waiting:
            self._note_success()

    def note(self, event: StagedEvent, failure: Exception | None) -> None:
        """Note the result of an attempt. `failure` is None if the stream has acknowledged the event.

        Of several outages in a row, only the first one is logged, and each refused event is logged once.
        """
        if failure is None:
            self._waiting.pop(event.id, None)
            self.taken.pop(event.id, None)
            self._note_success()
        elif not isinstance(failure, DependencyUnavailable):
            self._waiting.pop(event.id, None)
            if isinstance(failure, EventIdTaken):
                self.taken[event.id] = failure.sequence
            if self._refused.is_new(event.id):
                log.error(
                    "an event cannot be published, it stays in its outbox",
                    subject=event.subject[:100],
                    reason=str(failure),
                )
        elif self._failing_since is None:
            self._failing_since = self._monotonic()
            log.warning(
                "publishing failed, events stay in their outboxes", first=event.subject[:100], reason=failure.detail
            )

    def _note_success(self) -> None:
        if self._failing_since is not None:
            log.info("publishing works again", after_seconds=round(self.failing_seconds, 1))
        self._failing_since = None
