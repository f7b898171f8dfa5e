"""The timer of an extended order fires at its new deadline, in whatever order the events and timers arrive."""

from datetime import datetime, timedelta

from expiration.tests.timers import (
    eventually_kept,
    eventually_quiet,
    eventually_set,
    fired,
    stored_deadlines,
    timers,
)

from common.domain.ids import new_id
from common.events.envelope import TIME
from common.events.expiration import ExpirationCompleted
from common.events.orders import OrderEvent
from common.events.timers import DeadlineTimer
from devkit.testing.events import EventStreams
from devkit.testing.running import RunningService
from devkit.testing.samples import extended_order, order_events
from expiration.deadline import DeadlineStatus

SOON = timedelta(seconds=0.3)
A_LITTLE_LATER = timedelta(seconds=1)


async def eventually_expired(streams: EventStreams, *deadlines: OrderEvent) -> None:
    """Expect one ExpirationCompleted for each of these deadlines, and none of them too early."""
    published = await streams.eventually_published(ExpirationCompleted, len(deadlines))
    assert [event.expires_at for event in published] == [each.expires_at for each in deadlines]
    await eventually_quiet(streams)
    for event, envelope in zip(published, await streams.envelopes(ExpirationCompleted), strict=True):
        assert datetime.fromisoformat(envelope.headers[TIME]) >= event.expires_at
    assert await streams.dead_letters() == []


async def test_an_extension_replaces_the_timer(running: RunningService, streams: EventStreams) -> None:
    created, _, _ = order_events(new_id(), due_in=A_LITTLE_LATER)
    extended = extended_order(created, by=SOON)
    await streams.publish(created)
    await eventually_set(streams, created)
    await streams.publish(extended)

    await eventually_expired(streams, extended)
    assert await timers(streams) == {fired(created): 1}, "the old timer never fired"


async def test_an_extension_before_its_creation_sets_the_timer(running: RunningService, streams: EventStreams) -> None:
    created, _, _ = order_events(new_id(), due_in=SOON)
    extended = extended_order(created, by=SOON)
    await streams.publish(extended)
    await eventually_set(streams, extended)
    await streams.publish(created)

    await eventually_expired(streams, extended)


async def test_an_extension_that_arrives_after_the_old_timer_sets_a_new_one(
    running: RunningService, streams: EventStreams
) -> None:
    created, cancelled, _ = order_events(new_id(), due_in=SOON)
    extended = extended_order(created, by=A_LITTLE_LATER)
    await streams.publish(created)
    await streams.eventually_published(ExpirationCompleted)
    await streams.publish(extended)

    await eventually_expired(streams, created, extended)
    await streams.publish(cancelled.model_copy(update={"version": 3}))
    await eventually_quiet(streams)
    await eventually_kept(running, created, DeadlineStatus.COMPLETED)


async def test_the_timer_of_the_old_deadline_waits_until_the_new_one(
    running: RunningService, streams: EventStreams
) -> None:
    """The two handlers of an order may set its timers in the wrong order. The test sends the timer itself."""
    created, _, _ = order_events(new_id(), due_in=A_LITTLE_LATER)
    extended = extended_order(created, by=SOON)
    await streams.publish(created, extended)
    await eventually_set(streams, extended)
    early = DeadlineTimer(id=created.id, version=1, expires_at=created.expires_at)
    await streams.publish_bytes(early.subject, early.to_json().encode())

    await eventually_expired(streams, extended)


async def test_an_extension_of_a_closed_order_leaves_its_deadline_dropped(
    running: RunningService, streams: EventStreams
) -> None:
    created, cancelled, _ = order_events(new_id(), due_in=SOON)
    extended = extended_order(created, by=SOON)
    await streams.publish(cancelled.model_copy(update={"version": 3}))
    await eventually_kept(running, created, DeadlineStatus.DROPPED)
    before = await stored_deadlines(running, streams)
    await streams.publish(created, extended)
    await eventually_quiet(streams)

    assert await stored_deadlines(running, streams) == before
    assert await timers(streams) == {}
