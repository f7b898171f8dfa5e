"""When a delivery is repeated. The real broker measures the time."""

from itertools import pairwise

from common.tests.consuming import NAME, Effects, consuming, event
from structlog.testing import capture_logs

from common.domain.errors import RetryLater
from common.events.tickets import TicketCreated
from common.messaging.retry import RetryPolicy
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.interception import Died


def pauses(effects: Effects) -> list[float]:
    """Seconds between the calls of the handler."""
    return [later - earlier for earlier, later in pairwise(effects.times)]


async def test_an_event_is_delivered_again_if_its_process_died(streams: EventStreams) -> None:
    """So nothing may acknowledge the event before its handler has returned."""

    async def die_once(_event: TicketCreated) -> None:
        if len(effects.seen) == 1:
            raise Died

    effects = Effects(die_once)
    async with consuming(effects, streams, policy=RetryPolicy(ack_wait=0.2)):
        await streams.publish(event())
        await eventually(effects.completed, within=5, what="the effect, at the second delivery")


async def test_an_event_whose_handler_failed_once_is_handled_at_the_second_delivery(streams: EventStreams) -> None:
    async def fail_at_first(_event: TicketCreated) -> None:
        if len(effects.seen) == 1:
            raise RuntimeError("a fault that passes")

    effects = Effects(fail_at_first)
    async with consuming(effects, streams):
        await streams.publish(event())
        await eventually(effects.completed, what="the second delivery")
        await streams.eventually_quiet(NAME)
    assert (len(effects.seen), len(effects.done)) == (2, 1)
    assert await streams.dead_letters() == []


async def test_a_failed_delivery_is_retried_after_a_delay_that_grows(streams: EventStreams) -> None:
    policy = RetryPolicy(delays=(0.3, 0.9), ack_wait=30)

    async def fail(_event: TicketCreated) -> None:
        raise RuntimeError("a defect")

    effects = Effects(fail)
    with capture_logs():  # it takes longer than the delays to render the tracebacks
        async with consuming(effects, streams, policy=policy):
            await streams.publish(event())
            await eventually(streams.dead_letters, what="the end of its deliveries")
    assert len(effects.times) == policy.deliveries
    for pause, delay in zip(pauses(effects), policy.delays, strict=True):
        assert pause >= delay, f"delivered again after {pause:.3f} s instead of {delay} s"


async def test_an_event_that_came_too_early_is_retried_after_the_time_it_asked_for(streams: EventStreams) -> None:
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
