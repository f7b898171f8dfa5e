"""Remembers whether events can be published now, and logs what goes wrong."""

import time
from collections import deque
from collections.abc import Callable

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
        self._waiting: deque[tuple[float, str]] = deque()
        """When an event began to wait, and its id. Only the first one is certainly in `_unpublished`."""
        self._unpublished: set[str] = set()
        self._refused = LoggedOnce()
        self.taken: set[str] = set()
        """The ids of staged events that cannot be published, because the stream has other events with these ids.

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
        """For how long the oldest event in the queue of the relay waits until it is published. 0 if none waits.

        It can be long although no attempt fails, if the service makes more events than the stream stores.
        """
        return self._monotonic() - self._waiting[0][0] if self._waiting else 0.0

    @property
    def problem(self) -> str:
        """Why the service must refuse changes now, as a sentence for an operator. It is empty if there is no reason."""
        if self.failing_seconds > _MAY_FAIL_SECONDS:
            return f"The stream has taken no event for {self.failing_seconds:.0f} s."
        if self.waiting_seconds > _MAY_WAIT_SECONDS:
            return f"An event waits for the stream for {self.waiting_seconds:.0f} s."
        return ""

    def note_waiting(self, event_id: str) -> None:
        """Note that an event waits in the queue of the relay."""
        self._unpublished.add(event_id)
        self._waiting.append((self._monotonic(), event_id))

    def note_tried(self, event_id: str) -> None:
        """Note that the relay has tried to publish an event of its queue. Whether it succeeded does not matter here."""
        self._unpublished.discard(event_id)
        while self._waiting and self._waiting[0][1] not in self._unpublished:
            self._waiting.popleft()

    def note(self, event: StagedEvent, failure: Exception | None) -> None:
        """Note the result of an attempt. `failure` is None if the stream has acknowledged the event.

        Of several outages in a row, only the first one is logged, and each refused event is logged once.
        """
        if failure is None:
            self.taken.discard(event.id)
            self.note_success()
        elif not isinstance(failure, DependencyUnavailable):
            if isinstance(failure, EventIdTaken):
                self.taken.add(event.id)
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

    def note_success(self) -> None:
        if self._failing_since is not None:
            log.info("publishing works again", after_seconds=round(self.failing_seconds, 1))
        self._failing_since = None
