"""When an event is delivered again, and what does not count as a failed delivery; timed by the real broker."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest
from common.tests.consuming import CONSUMER, NAME, Effects, consuming, event, info
from pymongo.errors import ServerSelectionTimeoutError
from structlog.testing import capture_logs

from common.domain.errors import DependencyUnavailable, RetryLater
from common.events.tickets import TicketCreated
from common.messaging.retry import RetryPolicy
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.interception import Died


def pauses(effects: Effects) -> list[float]:
    """Seconds between the calls of the handler."""
    return [later - earlier for earlier, later in pairwise(effects.times)]


async def test_an_event_during_whose_handling_the_process_died_is_delivered_again(streams: EventStreams) -> None:
    """No acknowledgement, whenever it was sent, may have told the broker that the effect is durable."""

    async def die_once(_event: TicketCreated) -> None:
        if len(effects.seen) == 1:
            raise Died

    effects = Effects(die_once)
    async with consuming(effects, streams, policy=RetryPolicy(ack_wait=0.2)):
        await streams.publish(event())
        await eventually(effects.completed, within=5, what="the effect, at the second delivery")


async def test_an_event_whose_handler_fails_is_delivered_again_after_the_growing_delays(streams: EventStreams) -> None:
    policy = RetryPolicy(delays=(0.3, 0.9), ack_wait=30)

    async def fail(_event: TicketCreated) -> None:
        raise RuntimeError("a defect")

    effects = Effects(fail)
    # To render the tracebacks of the log takes longer than the delays.
    with capture_logs():
        async with consuming(effects, streams, policy=policy):
            await streams.publish(event())
            await eventually(streams.dead_letters, what="the end of its deliveries")
    assert len(effects.times) == policy.deliveries
    for pause, delay in zip(pauses(effects), policy.delays, strict=True):
        assert pause >= delay, f"delivered again after {pause:.3f} s instead of {delay} s"


async def test_an_event_that_came_too_early_is_delivered_again_after_the_time_it_asked_for(
    streams: EventStreams,
) -> None:
    asked_for = 0.4

    async def come_later_once(_event: TicketCreated) -> None:
        if len(effects.seen) == 1:
            raise RetryLater(asked_for)

    effects = Effects(come_later_once)
    async with consuming(effects, streams):
        await streams.publish(event())
        await eventually(effects.completed, what="the second delivery")
    (pause,) = pauses(effects)
    assert pause >= asked_for, f"delivered again after {pause:.3f} s"


@pytest.mark.parametrize(
    "outage",
    [
        pytest.param(ServerSelectionTimeoutError("no mongod"), id="MongoDB"),
        pytest.param(DependencyUnavailable("the card processor does not answer"), id="another dependency"),
    ],
)
async def test_a_dependency_that_is_down_uses_up_no_delivery(streams: EventStreams, outage: Exception) -> None:
    """With this policy the first failed delivery would be the last."""
    policy = RetryPolicy(delays=(), ack_wait=30)

    async def fail_three_times(_event: TicketCreated) -> None:
        if len(effects.seen) <= 3:
            raise outage

    effects = Effects(fail_three_times)
    async with consuming(effects, streams, policy=policy):
        await streams.publish(event())
        await streams.eventually_quiet(NAME)
        delivered = (await info(streams)).delivered
    assert await streams.dead_letters() == []
    assert len(effects.done) == 1
    assert delivered is not None
    assert delivered.consumer_seq == 1


async def test_the_acknowledgement_of_an_event_does_not_acknowledge_an_older_one(streams: EventStreams) -> None:
    older, newer = event(), event()
    may_finish = asyncio.Event()

    async def wait_with_the_older_one(seen: TicketCreated) -> None:
        if seen.id == older.id:
            await may_finish.wait()

    async def acknowledged() -> int:
        floor = (await info(streams)).ack_floor
        return (floor.consumer_seq or 0) if floor else 0

    async def outstanding() -> int | None:
        return (await info(streams)).num_ack_pending

    effects = Effects(wait_with_the_older_one)
    async with consuming(effects, streams):
        await streams.publish(older, newer)
        await eventually(effects.completed, what="the effect of the newer event")
        await streams.broker.ping()  # the broker has its acknowledgement
        await eventually(outstanding, until=lambda count: count != 2, what="the acknowledgement of the newer event")
        assert (await outstanding(), await acknowledged()) == (1, 0), "the older event is still being worked on"
        may_finish.set()
        await streams.eventually_quiet(NAME)
    assert effects.done == [newer.id, older.id]


async def test_no_more_events_are_in_flight_than_the_consumer_declares(streams: EventStreams) -> None:
    many, most = 10, 3
    may_finish = asyncio.Event()

    async def wait(_event: TicketCreated) -> None:
        await may_finish.wait()

    async def delivered_and_waiting() -> tuple[int | None, int | None]:
        found = await info(streams)
        return found.num_ack_pending, found.num_pending

    effects = Effects(wait)
    await streams.publish(*(event() for _ in range(many)))
    async with consuming(effects, streams, consumer=replace(CONSUMER, max_in_flight=most)):
        await eventually(effects.calls, until=lambda calls: calls >= most, what="the first deliveries")
        await streams.broker.ping()
        assert await delivered_and_waiting() == (most, many - most)
        may_finish.set()
        await streams.eventually_quiet(NAME)
    assert len(effects.done) == many
