"""Timers are set when the service starts, and again when they should have fired and have not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from expiration.tests.fake_timers import FakeTimers
from expiration.tests.use_cases import deadlines_in
from structlog.testing import capture_logs

from common.domain.ids import OrderId, new_id
from common.events.orders import OrderCreated
from common.messaging.publisher import MessageRefused
from devkit.testing.in_memory import in_memory_database
from devkit.testing.samples import order_events
from devkit.testing.skipped_time import in_background, let_pass, run_without_waiting, seconds_passed
from expiration.deadline import Deadline, DeadlineStatus
from expiration.service import ExpirationService

START = datetime(2026, 11, 24, 12, tzinfo=UTC)


def clock() -> datetime:
    return START + timedelta(seconds=seconds_passed())


def service_with(timers: Any) -> ExpirationService:
    return ExpirationService(deadlines_in(in_memory_database("expiration"), clock), timers, clock)


@pytest.fixture
def timers() -> FakeTimers:
    return FakeTimers()


@pytest.fixture
def expiration(timers: FakeTimers) -> ExpirationService:
    return service_with(timers)


def order_due_in(seconds: float) -> OrderCreated:
    created, _, _ = order_events(new_id())
    return created.model_copy(update={"expires_at": START + timedelta(seconds=seconds)})


def test_a_timer_that_was_lost_is_set_again_while_the_service_runs(
    expiration: ExpirationService, timers: FakeTimers
) -> None:
    async def story() -> None:
        created = order_due_in(20)
        await expiration.follow_order(created)
        async with in_background(expiration.keep_timers_set()):
            await let_pass(1)
            timers.scheduled.clear()  # the scheduler lost the timer
            await let_pass(18)
            assert timers.scheduled == [], "it is not due yet"
            await let_pass(41)
            assert set(timers.scheduled) == {created.id}, "a minute after the start, it should have fired long ago"

    run_without_waiting(story())


def test_a_service_that_starts_sets_the_timers_of_all_pending_deadlines(
    expiration: ExpirationService, timers: FakeTimers
) -> None:
    """Also those that are due much later: the process before may have died between the write and the timer."""

    async def story() -> None:
        orders = [order_due_in(seconds) for seconds in (-60, 1, 900)]
        for created in orders:
            await expiration._deadlines.add(Deadline.of_order(created))
        async with in_background(expiration.keep_timers_set()):
            await let_pass(0.1)
            assert sorted(timers.scheduled) == sorted(created.id for created in orders)

    run_without_waiting(story())


def test_timers_that_could_not_be_set_at_the_start_are_set_after_the_outage(
    expiration: ExpirationService, timers: FakeTimers
) -> None:
    """All of them, also those that are due later, because the start set none."""

    async def story() -> None:
        created = order_due_in(900)
        await expiration._deadlines.add(Deadline.of_order(created))
        timers.unavailable = True
        async with in_background(expiration.keep_timers_set()):
            await let_pass(40)
            timers.unavailable = False
            await let_pass(20)
            assert timers.scheduled == [created.id]

    run_without_waiting(story())


class FiresAtOnce:
    """The fastest possible scheduler: the timer fires before the call that sets it returns."""

    def __init__(self) -> None:
        self.expiration = service_with(self)

    async def schedule(self, deadline: Deadline) -> None:
        await self.expiration.complete_deadline(OrderId(deadline.id))


def test_a_timer_that_fires_at_once_finds_its_deadline_stored() -> None:
    async def story() -> None:
        created = order_due_in(-60)
        expiration = FiresAtOnce().expiration
        await expiration.follow_order(created)
        deadline = await expiration._deadlines.find(created.id)
        assert deadline is not None
        assert deadline.status is DeadlineStatus.COMPLETED, "otherwise it would never be completed"

    run_without_waiting(story())


class RefusingTimers(FakeTimers):
    async def schedule(self, deadline: Deadline) -> None:
        if deadline.id.startswith("damaged"):
            raise MessageRefused("the subject is not valid")
        await super().schedule(deadline)


async def test_a_timer_that_is_refused_does_not_delay_the_others() -> None:
    """The id of its deadline, for example, cannot be part of a subject."""
    timers = RefusingTimers()
    expiration = service_with(timers)
    sound = [order_due_in(20) for _ in range(3)]
    damaged = [each.model_copy(update={"id": f"damaged {number}"}) for number, each in enumerate(sound)]
    for event in [*damaged, *sound]:
        await expiration._deadlines.add(Deadline.of_order(event))
    with capture_logs() as logs:
        assert await expiration.set_pending_timers(due_before=None) == len(sound)
    assert sorted(timers.scheduled) == sorted(event.id for event in sound)
    assert sorted(line["deadline"] for line in logs if line["log_level"] == "error") == [each.id for each in damaged]
