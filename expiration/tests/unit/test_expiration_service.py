"""The use cases of expiration, one event at a time, on a database in memory. For concurrency, see tests/integration."""

from datetime import timedelta
from itertools import permutations

import pytest
from expiration.tests.fake_timers import FakeTimers
from expiration.tests.use_cases import recorded_events, use_cases

from common.domain.clock import utc_now
from common.domain.errors import DependencyUnavailable, RetryLater
from common.domain.ids import OrderId, new_id
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated, OrderEvent
from devkit.testing.in_memory import in_memory_database
from devkit.testing.samples import order_events
from expiration.deadline import Deadline, DeadlineStatus
from expiration.service import ExpirationService

EARLIER = timedelta(minutes=1)
OrderEvents = tuple[OrderCreated, OrderCancelled, OrderCompleted]


@pytest.fixture
def timers() -> FakeTimers:
    return FakeTimers()


@pytest.fixture
def expiration(timers: FakeTimers) -> ExpirationService:
    return use_cases(in_memory_database("expiration"), timers)


@pytest.fixture
def due() -> OrderEvents:
    """The events of an order whose deadline has just passed."""
    return order_events(new_id(), due_in=-timedelta(milliseconds=1))


async def status_of(expiration: ExpirationService, order: OrderEvent) -> DeadlineStatus:
    deadline = await expiration._deadlines.find(order.id)
    assert deadline is not None
    return deadline.status


async def test_the_deadline_of_an_open_order_is_stored_and_its_timer_set(
    expiration: ExpirationService, timers: FakeTimers
) -> None:
    created = order_events(new_id())[0]
    await expiration.follow_order(created)

    deadline = await expiration._deadlines.find(created.id)
    assert deadline is not None
    assert deadline.to_document() == Deadline.of_order(created).to_document()
    assert timers.scheduled == [created.id]


async def test_a_timer_completes_a_deadline_once(expiration: ExpirationService, due: OrderEvents) -> None:
    await expiration.follow_order(due[0])
    await expiration.complete_deadline(OrderId(due[0].id))
    await expiration.complete_deadline(OrderId(due[0].id))

    assert await status_of(expiration, due[0]) is DeadlineStatus.COMPLETED
    assert await recorded_events(expiration) == [("expiration.completed.v1", due[0].id)]


async def test_a_timer_that_fires_early_asks_for_another_delivery_when_it_is_due(expiration: ExpirationService) -> None:
    created = order_events(new_id(), due_in=EARLIER)[0]
    await expiration.follow_order(created)

    with pytest.raises(RetryLater) as early:
        await expiration.complete_deadline(OrderId(created.id))

    assert 59 < early.value.seconds <= 60
    assert await status_of(expiration, created) is DeadlineStatus.PENDING
    assert await recorded_events(expiration) == []


async def test_a_timer_of_an_unknown_order_has_no_effect(expiration: ExpirationService) -> None:
    await expiration.complete_deadline(OrderId(new_id()))

    assert await recorded_events(expiration) == []


@pytest.mark.parametrize("closed", [1, 2], ids=["cancelled", "completed"])
async def test_in_any_order_of_events_the_deadline_of_a_closed_order_is_dropped(
    expiration: ExpirationService, closed: int
) -> None:
    for order in permutations(["created", "created again", "closed", "closed again"]):
        events = order_events(new_id(), due_in=-EARLIER)
        for event in order:
            await expiration.follow_order(events[0] if event.startswith("created") else events[closed])
        await expiration.complete_deadline(OrderId(events[0].id))
        assert await status_of(expiration, events[0]) is DeadlineStatus.DROPPED, order
    assert await recorded_events(expiration) == []


async def test_an_order_that_is_known_to_be_closed_sets_no_timer(
    expiration: ExpirationService, timers: FakeTimers, due: OrderEvents
) -> None:
    created, cancelled, _ = due
    await expiration.follow_order(cancelled)
    await expiration.follow_order(created)

    assert timers.scheduled == []


async def test_a_timer_that_could_not_be_set_is_set_at_the_next_delivery(
    expiration: ExpirationService, timers: FakeTimers, due: OrderEvents
) -> None:
    timers.unavailable = True
    with pytest.raises(DependencyUnavailable):
        await expiration.follow_order(due[0])
    timers.unavailable = False

    await expiration.follow_order(due[0])

    assert timers.scheduled == [due[0].id]


async def test_the_start_sets_one_timer_for_each_of_many_pending_deadlines(
    expiration: ExpirationService, timers: FakeTimers
) -> None:
    """More deadlines than a page holds (200), all due at the same time."""
    same_instant = utc_now() + timedelta(minutes=15)
    pending = [order_events(new_id())[0].model_copy(update={"expires_at": same_instant}) for _ in range(450)]
    pending += [order_events(new_id(), due_in=timedelta(minutes=minutes))[0] for minutes in (-5, 5, 30)]
    for created in pending:
        await expiration.follow_order(created)
    completed, dropped = order_events(new_id(), due_in=-EARLIER), order_events(new_id())
    await expiration.follow_order(completed[0])
    await expiration.complete_deadline(OrderId(completed[0].id))
    await expiration.follow_order(dropped[2])
    timers.scheduled.clear()

    assert await expiration.set_pending_timers(due_before=None) == len(pending)

    assert len(timers.scheduled) == len(pending)
    assert set(timers.scheduled) == {created.id for created in pending}


async def test_later_only_overdue_timers_are_set_again(expiration: ExpirationService, timers: FakeTimers) -> None:
    missed, waiting = order_events(new_id(), due_in=-EARLIER)[0], order_events(new_id(), due_in=EARLIER)[0]
    for created in (missed, waiting):
        await expiration.follow_order(created)
    timers.scheduled.clear()

    assert await expiration.set_pending_timers(due_before=utc_now()) == 1

    assert timers.scheduled == [missed.id]
