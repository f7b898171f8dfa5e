"""The deadline aggregate: its transitions and its event."""

import pytest

from common.domain.ids import new_id
from common.events.expiration import ExpirationCompleted
from common.events.orders import OrderEvent
from common.events.timers import DeadlineTimer
from devkit.testing.samples import order_events
from expiration.deadline import Deadline, DeadlineStatus

CREATED, CANCELLED, COMPLETED = order_events(new_id())
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


def test_its_timer_names_the_order_and_the_time() -> None:
    assert pending().timer() == DeadlineTimer(id=CREATED.id, version=1, expires_at=CREATED.expires_at)


def test_a_deadline_read_from_its_document_is_unchanged() -> None:
    deadline = pending()
    deadline.complete()

    again = Deadline.from_document(deadline.to_document())

    assert again.to_document() == deadline.to_document()
    assert (again.stored_version, again.recorded) == (2, [])
