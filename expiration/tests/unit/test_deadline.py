"""The deadline aggregate: its transitions and its event."""

from datetime import timedelta

import pytest

from common.domain.ids import new_id
from common.events.expiration import ExpirationCompleted
from common.events.orders import OrderEvent
from common.events.timers import DeadlineTimer
from devkit.testing.samples import extended_order, order_events
from expiration.deadline import Deadline, DeadlineStatus

CREATED, CANCELLED, COMPLETED = order_events(new_id())
MORE = timedelta(minutes=15)
EXTENDED = extended_order(CREATED, by=MORE)
CLOSED = pytest.mark.parametrize("closed", [CANCELLED, COMPLETED], ids=["cancelled", "completed"])


def pending() -> Deadline:
    deadline = Deadline.of_order(CREATED)
    deadline.mark_stored()
    return deadline


def test_the_deadline_of_an_open_order_is_pending_and_publishes_nothing() -> None:
    deadline = Deadline.of_order(CREATED)

    assert (deadline.id, deadline.expires_at) == (CREATED.id, CREATED.expires_at)
    assert (deadline.status, deadline.order_version, deadline.version) == (DeadlineStatus.PENDING, 1, 1)
    assert deadline.recorded == []


@CLOSED
def test_an_order_whose_last_event_comes_first_has_a_dropped_deadline(closed: OrderEvent) -> None:
    deadline = Deadline.of_order(closed)

    assert deadline.status is DeadlineStatus.DROPPED
    assert not deadline.is_behind(CREATED), "the event of its creation is older"


@CLOSED
def test_the_end_of_the_order_drops_its_deadline_and_publishes_nothing(closed: OrderEvent) -> None:
    deadline = pending()
    assert deadline.is_behind(closed)
    deadline.follow(closed)

    assert (deadline.status, deadline.order_version, deadline.version) == (DeadlineStatus.DROPPED, 2, 2)
    assert deadline.recorded == []


def test_a_passed_deadline_is_completed_and_published() -> None:
    deadline = pending()
    deadline.complete()

    assert deadline.status is DeadlineStatus.COMPLETED
    assert deadline.recorded == [ExpirationCompleted(id=CREATED.id, version=2, expires_at=CREATED.expires_at)]


@CLOSED
def test_events_of_the_order_do_not_change_a_completed_deadline(closed: OrderEvent) -> None:
    deadline = pending()
    deadline.complete()
    deadline.mark_stored()
    deadline.follow(closed)

    assert (deadline.status, deadline.order_version) == (DeadlineStatus.COMPLETED, 2)
    assert deadline.recorded == []


def test_an_extension_moves_a_pending_deadline() -> None:
    deadline = pending()
    deadline.follow(EXTENDED)

    assert (deadline.status, deadline.expires_at) == (DeadlineStatus.PENDING, EXTENDED.expires_at)
    assert (deadline.order_version, deadline.recorded) == (2, [])
    assert not deadline.is_behind(CREATED), "the event of its creation is older"


def test_an_extension_that_comes_first_starts_the_deadline() -> None:
    deadline = Deadline.of_order(EXTENDED)

    assert (deadline.status, deadline.expires_at) == (DeadlineStatus.PENDING, EXTENDED.expires_at)


def test_an_extension_does_not_change_a_dropped_deadline() -> None:
    deadline = Deadline.of_order(CANCELLED)
    deadline.follow(EXTENDED.model_copy(update={"version": 3}))

    assert deadline.status is DeadlineStatus.DROPPED


def test_a_completed_deadline_of_an_extended_order_is_completed_again_later() -> None:
    """The event of the extension arrives after the timer of the old deadline."""
    deadline = pending()
    deadline.complete()
    deadline.follow(EXTENDED)
    assert (deadline.status, deadline.expires_at) == (DeadlineStatus.PENDING, EXTENDED.expires_at)
    published = deadline.current_event()
    assert published is not None
    assert published.expires_at == CREATED.expires_at, "the stream has this event, so the audit expects it"

    deadline.complete()
    assert [(event.version, event.expires_at) for event in deadline.recorded] == [
        (2, CREATED.expires_at),
        (4, EXTENDED.expires_at),
    ]
    assert deadline.current_event() == deadline.recorded[-1]


def test_a_deadline_restored_from_its_event_is_reopened_only_by_a_later_extension() -> None:
    passed = ExpirationCompleted(id=CREATED.id, version=3, expires_at=EXTENDED.expires_at)
    deadline = Deadline.from_event(passed)
    for known in (CREATED, EXTENDED):
        deadline.follow(known)
        assert deadline.status is DeadlineStatus.COMPLETED

    deadline.follow(extended_order(CREATED, version=3, by=2 * MORE))
    assert (deadline.status, deadline.expires_at) == (DeadlineStatus.PENDING, CREATED.expires_at + 2 * MORE)


def test_its_timer_names_the_order_and_the_time() -> None:
    assert pending().timer() == DeadlineTimer(id=CREATED.id, version=1, expires_at=CREATED.expires_at)


def test_a_deadline_read_from_its_document_is_unchanged() -> None:
    deadline = pending()
    deadline.complete()

    again = Deadline.from_document(deadline.to_document())

    assert again.to_document() == deadline.to_document()
    assert (again.stored_version, again.recorded) == (2, [])
