"""A timer fires once when its deadline is due, and has no effect when the order is closed."""

import asyncio
from datetime import datetime, timedelta

import pytest
from expiration.tests.timers import (
    Start,
    eventually_fired,
    eventually_kept,
    eventually_quiet,
    eventually_set,
    fired,
    stored_deadlines,
    timers,
)

from common.domain.clock import utc_now
from common.domain.ids import new_id
from common.events.envelope import TIME
from common.events.expiration import ExpirationCompleted
from common.events.timers import DeadlineTimer
from common.events.tracing import continue_trace
from common.messaging.streams import TIMERS
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import QUICK, RunningService
from devkit.testing.samples import order_events
from expiration.deadline import DeadlineStatus

SOON = timedelta(seconds=0.3)
A_LITTLE_LATER = timedelta(seconds=1)
"""Enough time for something to happen before it."""
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PATHS = {
    "/healthz/live": 200,
    "/healthz/ready": 200,
    "/api/docs/expiration": 200,
    "/api/docs/expiration/openapi.json": 200,
    "/api/expiration": 404,
    "/": 404,
}


async def test_a_timer_fires_once_at_its_deadline_and_not_before(
    running: RunningService, streams: EventStreams
) -> None:
    created, _, _ = order_events(new_id(), due_in=SOON)
    await streams.publish(created)

    assert await streams.eventually_published(ExpirationCompleted) == [
        ExpirationCompleted(id=created.id, version=2, expires_at=created.expires_at)
    ]
    await eventually_quiet(streams)
    (envelope,) = await streams.envelopes(ExpirationCompleted)
    assert datetime.fromisoformat(envelope.headers[TIME]) >= created.expires_at
    await eventually_kept(running, created, DeadlineStatus.COMPLETED)
    assert await streams.dead_letters() == []


async def test_the_expiry_belongs_to_the_trace_of_the_order(running: RunningService, streams: EventStreams) -> None:
    created, _, _ = order_events(new_id(), due_in=SOON)
    with continue_trace(TRACEPARENT, cause="POST /api/orders"):
        await streams.publish(created)

    await streams.eventually_published(ExpirationCompleted)
    (envelope,) = await streams.envelopes(ExpirationCompleted)
    assert envelope.headers["traceparent"].split("-")[1] == TRACEPARENT.split("-")[1]


@pytest.mark.parametrize("closed", [1, 2], ids=["cancelled", "completed"])
async def test_the_timer_of_a_closed_order_has_no_effect(
    running: RunningService, streams: EventStreams, closed: int
) -> None:
    events = order_events(new_id(), due_in=A_LITTLE_LATER)
    await streams.publish(events[0])
    await eventually_set(streams, events[0])
    await streams.publish(events[closed])
    await eventually_kept(running, events[0], DeadlineStatus.DROPPED)

    await eventually_fired(streams, events[0])
    await eventually_quiet(streams)

    await eventually_kept(running, events[0], DeadlineStatus.DROPPED)
    assert await streams.published(ExpirationCompleted) == []
    assert await streams.dead_letters() == []


async def test_a_cancellation_handled_before_its_order_leaves_no_timer(
    running: RunningService, streams: EventStreams
) -> None:
    created, cancelled, _ = order_events(new_id(), due_in=SOON)
    await streams.publish(cancelled)
    await eventually_kept(running, created, DeadlineStatus.DROPPED)
    await streams.publish(created)
    another = order_events(new_id(), due_in=SOON)[0]
    await streams.publish(another)

    (expired,) = await streams.eventually_published(ExpirationCompleted)
    await eventually_quiet(streams)

    assert expired.id == another.id
    assert await timers(streams) == {fired(another): 1}, "for the cancelled order no timer was ever made"
    await eventually_kept(running, created, DeadlineStatus.DROPPED)


async def test_duplicate_events_and_timers_have_no_effect(running: RunningService, streams: EventStreams) -> None:
    created, cancelled, _ = order_events(new_id(), due_in=SOON)
    await streams.publish(created)
    await streams.publish_again(created)
    await streams.eventually_published(ExpirationCompleted)
    await streams.publish(cancelled)  # as orders does on expiration.completed
    await eventually_quiet(streams)
    before = await stored_deadlines(running, streams)

    timer = DeadlineTimer(id=created.id, version=1, expires_at=created.expires_at)
    await streams.publish_again(created)
    await streams.publish_again(cancelled)
    await streams.publish_bytes(timer.subject, timer.to_json().encode())
    await streams.publish_again(created)
    await eventually_quiet(streams)

    assert await stored_deadlines(running, streams) == before
    assert len(await streams.published(ExpirationCompleted)) == 1
    assert await streams.dead_letters() == []


async def test_a_timer_that_fires_early_by_our_clock_is_delivered_again_when_it_is_due(
    start: Start, streams: EventStreams
) -> None:
    """Earlier than the broker waits for an ack, so that it could deliver the timer to another consumer."""
    behind = timedelta(seconds=QUICK.ack_wait + 0.3)
    async with start(clock=lambda: utc_now() - behind) as running:
        created, _, _ = order_events(new_id(), due_in=SOON)
        await streams.publish(created)
        await eventually_fired(streams, created)
        await eventually_kept(running, created, DeadlineStatus.PENDING)

        await streams.eventually_published(ExpirationCompleted)

        (envelope,) = await streams.envelopes(ExpirationCompleted)
        assert datetime.fromisoformat(envelope.headers[TIME]) >= created.expires_at, "it was due by the service's clock"
        assert await timers(streams) == {fired(created): 1}, "the same timer was delivered again, and none was added"
        await eventually_quiet(streams)
        assert await streams.dead_letters() == []


async def test_a_timer_that_cannot_be_handled_becomes_a_dead_letter(
    running: RunningService, streams: EventStreams
) -> None:
    """The headers of a fired timer, above all its time to live, must not keep it from becoming a dead letter."""
    created, _, _ = order_events(new_id(), due_in=A_LITTLE_LATER)
    await streams.publish(created)
    await eventually_set(streams, created)
    await running.collection("deadlines").update_one({"_id": created.id}, {"$set": {"status": "of a future version"}})

    (letter,) = await eventually(streams.dead_letters, what="the dead letter")

    assert letter.headers["dead-letter-subject"] == fired(created)
    assert letter.headers["dead-letter-consumer"] == "expiration-complete-deadline-on-alarm"
    await eventually_quiet(streams)


async def test_500_timers_of_one_moment_fire_once_each_with_two_instances(
    start: Start, running: RunningService, streams: EventStreams
) -> None:
    due = utc_now() + timedelta(seconds=1.5)
    orders = [order_events(new_id())[0].model_copy(update={"expires_at": due}) for _ in range(500)]
    deadlines = running.collection("deadlines")
    async with start():
        await asyncio.gather(*(streams.publish(created) for created in orders))
        await eventually(
            lambda: deadlines.count_documents({"status": DeadlineStatus.COMPLETED.value}),
            until=lambda seen: seen == len(orders),
            within=30,  # for a busy machine; the broker's own delay is milliseconds
            what="500 completed deadlines",
        )
        await eventually_quiet(streams)
        await streams.eventually_relayed(deadlines)

    assert sorted(event.id for event in await streams.published(ExpirationCompleted)) == sorted(
        one.id for one in orders
    )
    assert await streams.dead_letters() == []


async def test_fired_timers_are_deleted_from_the_stream(running: RunningService, streams: EventStreams) -> None:
    """The broker deletes a schedule when it fires, and the fired timer after an hour."""
    created, _, _ = order_events(new_id(), due_in=SOON)
    await streams.publish(created)
    await streams.eventually_published(ExpirationCompleted)

    assert await timers(streams) == {fired(created): 1}
    (expired,) = await streams.envelopes(DeadlineTimer)
    assert expired.headers["Nats-TTL"] == "1h"
    config = (await streams.broker.jetstream.stream_info(TIMERS.name)).config
    assert config.allow_msg_ttl, "otherwise the broker ignores it"
    assert not config.max_age, "one shorter than a deadline would lose the timer"


async def test_expiration_has_health_checks_and_no_api(running: RunningService) -> None:
    anybody = running.client()
    answers = {path: (await anybody.get(path)).status_code for path in PATHS}

    assert answers == PATHS
