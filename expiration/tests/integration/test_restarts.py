"""A restart loses no deadline and completes none twice."""

import operator
from datetime import timedelta
from functools import partial

from expiration.tests.timers import (
    Start,
    eventually_fired,
    eventually_kept,
    eventually_quiet,
    eventually_set,
    schedule,
    timers,
)
from expiration.tests.use_cases import deadlines_in

from common.domain.ids import new_id
from common.events.expiration import ExpirationCompleted
from common.messaging.streams import TIMERS
from common.storage.mongo import Mongo
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.samples import order_events
from expiration.deadline import Deadline, DeadlineStatus
from expiration.settings import ExpirationSettings

SOON = timedelta(seconds=0.3)
LATER = timedelta(seconds=1)


async def test_a_stored_deadline_without_timer_gets_one_at_the_next_start(
    start: Start, settings: ExpirationSettings, streams: EventStreams
) -> None:
    """The state after a process that died between the two writes."""
    created, _, _ = order_events(new_id(), due_in=SOON)
    mongo = Mongo(settings.mongo_url, settings.mongo_database, settings.mongo_driver)
    await deadlines_in(mongo.database).add(Deadline.of_order(created))
    await mongo.close()
    assert await timers(streams) == {}

    async with start():
        (expired,) = await streams.eventually_published(ExpirationCompleted)

    assert expired.id == created.id


async def test_a_timer_that_was_never_set_fires_at_the_start(start: Start, streams: EventStreams) -> None:
    created, _, _ = order_events(new_id(), due_in=-SOON)
    async with start():
        pass  # run it once before, so that its consumers exist
    await streams.publish(created)

    async with start():
        (expired,) = await streams.eventually_published(ExpirationCompleted)

    assert expired.id == created.id


async def test_a_timer_that_fired_while_the_service_was_down_is_handled_once_at_the_start(
    start: Start, streams: EventStreams
) -> None:
    created, _, _ = order_events(new_id(), due_in=SOON)
    async with start():
        await streams.publish(created)
        await eventually_set(streams, created)
    await eventually_fired(streams, created)

    async with start() as after:  # handles the timer, and sets another one, because the deadline is still pending
        await streams.eventually_published(ExpirationCompleted)
        await eventually_kept(after, created, DeadlineStatus.COMPLETED)
        await eventually_quiet(streams)

    assert len(await streams.published(ExpirationCompleted)) == 1


async def test_a_timer_that_the_broker_lost_is_set_again_at_the_next_start(start: Start, streams: EventStreams) -> None:
    """Also within the duplicate window, in which the broker drops a message with a known id."""
    created, _, _ = order_events(new_id(), due_in=LATER)
    async with start():
        await streams.publish(created)
        await eventually_set(streams, created)
    await streams.broker.jetstream.purge_stream(TIMERS.name)

    async with start():
        (expired,) = await streams.eventually_published(ExpirationCompleted)

    assert expired.id == created.id


async def test_repeated_starts_leave_one_timer(start: Start, streams: EventStreams) -> None:
    created, _, _ = order_events(new_id())
    async with start():
        await streams.publish(created)
        await eventually_set(streams, created)

    async def timers_ever_made() -> int:
        return (await streams.broker.jetstream.stream_info(TIMERS.name)).state.last_seq

    for _ in range(3):
        before = await timers_ever_made()
        async with start():
            await eventually(timers_ever_made, until=partial(operator.lt, before), what="arming again")
        assert await timers(streams) == {schedule(created): 1}
