"""Deliveries of a consumer with a batch window wait for each other."""

from dataclasses import replace
from functools import partial
from operator import eq

from common.tests.consuming import CONSUMER, NAME, Effects, consuming, event, nothing, unanswered

from common.messaging.consumer import Consumer
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually

ENDLESS = 1e9
"""A batch window that does not end during the test."""


def with_window(seconds: float) -> Consumer[Effects]:
    return replace(CONSUMER, batch_window_seconds=seconds)


async def test_deliveries_wait_until_the_end_of_the_batch_window(streams: EventStreams) -> None:
    effects = Effects(nothing)
    async with consuming(effects, streams, consumer=with_window(ENDLESS)):
        for number in range(1, 6):  # one at a time: with a backlog they would not wait
            await streams.publish(event())
            await eventually(lambda: unanswered(streams), until=partial(eq, number), what="the next delivery")
        assert not effects.seen
    async with consuming(effects, streams, consumer=with_window(0.01)):
        await streams.eventually_quiet(NAME)
    assert len(effects.done) == 5


async def test_of_a_backlog_only_the_last_delivery_waits_for_a_batch(streams: EventStreams) -> None:
    await streams.publish(*(event() for _ in range(300)))
    effects = Effects(nothing)
    async with consuming(effects, streams, consumer=with_window(ENDLESS)):
        await eventually(effects.completed, until=partial(eq, 299), what="all but one")
        await eventually(lambda: unanswered(streams), until=partial(eq, 1), what="their acknowledgements")
