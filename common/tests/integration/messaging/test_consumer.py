"""The settings of a durable consumer, as the broker applies them."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace

from common.tests.consuming import CONSUMER, NAME, Effects, consuming, event, info, nothing

from common.events.tickets import TicketCreated
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually


async def test_a_new_consumer_receives_every_event_that_is_in_the_stream(streams: EventStreams) -> None:
    await streams.publish(*(event() for _ in range(300)))
    effects = Effects(nothing)
    async with consuming(effects, streams):
        await streams.eventually_quiet(NAME)
    assert len(set(effects.done)) == 300


async def test_two_instances_share_the_events_and_each_goes_to_one_of_them(streams: EventStreams) -> None:
    first, second = Effects(nothing), Effects(nothing)
    async with AsyncExitStack() as stack:
        for effects in (first, second):
            await stack.enter_async_context(consuming(effects, streams))
        await streams.publish(*(event() for _ in range(200)))
        await streams.eventually_quiet(NAME)
    assert Counter(first.done + second.done).most_common(1)[0][1] == 1
    assert len(first.done) + len(second.done) == 200
    assert first.done
    assert second.done


async def test_the_ack_of_an_event_does_not_acknowledge_an_older_one(streams: EventStreams) -> None:
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
        await streams.broker.ping()  # the broker has received the acknowledgement
        await eventually(outstanding, until=lambda count: count != 2, what="the acknowledgement of the newer event")
        assert (await outstanding(), await acknowledged()) == (1, 0), "the older event is still in progress"
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
