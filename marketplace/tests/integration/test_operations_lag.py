"""The lag of each consumer: pending events, events in flight, the oldest one, and consumers that are missing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from marketplace.tests.integration.operated import an_operator

from common.domain.clock import utc_now
from common.events.envelope import StagedEvent
from common.messaging.provisioning import provision_consumers
from common.messaging.retry import RetryPolicy
from common.messaging.streams import DEAD_LETTERS, DOMAIN_EVENTS, GENERAL_EVENTS, TIMERS, Stream
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import QUICK, Surroundings
from devkit.testing.samples import listed_ticket, order_events
from marketplace.operations.lag import Lag, measure_lag
from marketplace.operations.outboxes import Outboxes, measure_outboxes
from marketplace.operations.stream_state import problems_of_streams
from marketplace.operations.timelines import read_timeline
from marketplace.registry import CONSUMERS_OF
from tickets.consumers import CONSUMERS


async def test_every_consumer_is_listed_also_those_that_do_not_exist(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    await provision_consumers(streams.broker.jetstream, CONSUMERS[:1])
    async with an_operator(surroundings) as operator:
        found = await measure_lag(operator)
    assert [each.consumer for each in found] == [c.name for of_one in CONSUMERS_OF.values() for c in of_one]
    assert [each.consumer for each in found if each.provisioned] == [CONSUMERS[0].name]
    assert found[0] == Lag(CONSUMERS[0].name, provisioned=True)


async def test_lag_counts_events_and_shows_the_age_of_the_oldest_unacknowledged_one(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    hold = CONSUMERS[0]
    await provision_consumers(streams.broker.jetstream, [hold], QUICK)
    first, _, _ = order_events("65f0c0ffee00000000000010")
    second, _, _ = order_events("65f0c0ffee00000000000010")
    await streams.publish(first)

    async with an_operator(surroundings) as operator:

        async def lag() -> Lag:
            return (await measure_lag(operator))[0]

        old = await eventually(lag, until=lambda seen: (seen.oldest_seconds or 0) > 1, what="an age of a second")
        assert (old.pending, old.in_flight, old.listening) == (1, 0, False)
        await streams.publish(second)
        stored_at = (await streams.broker.jetstream.get_msg("DOMAIN_EVENTS", 2)).time
        assert stored_at is not None

        deliveries = await streams.broker.client.subscribe(f"deliver.{hold.name}", queue=hold.name)
        await (await deliveries.next_msg(timeout=5)).ack()
        await eventually(lag, until=lambda seen: (seen.pending, seen.in_flight) == (0, 1), what="one in flight")
        before = utc_now()
        working = await lag()
        assert working.listening
        assert working.oldest_seconds is not None
        at_least, at_most = [(now - stored_at).total_seconds() for now in (before, utc_now())]
        assert at_least - 0.001 <= working.oldest_seconds <= at_most

        again = await eventually(lag, until=lambda seen: seen.redelivered == 1, what="a redelivery")
        assert (again.oldest_seconds or 0) >= QUICK.ack_wait
        for _ in range(2):
            await (await deliveries.next_msg(timeout=5)).ack()
        done = await eventually(lag, until=lambda seen: not seen.in_flight, what="nothing in flight")
        assert done.oldest_seconds is None
        await deliveries.unsubscribe()


async def test_lag_names_the_settings_with_which_a_service_cannot_work(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    """Not "no subscriber", which would send the operator to look for a service that is down."""
    config = CONSUMERS[0].config(RetryPolicy()).evolve(deliver_group="another-group", ack_wait=99)
    await streams.broker.jetstream.add_consumer(CONSUMERS[0].stream.name, config)
    async with an_operator(surroundings) as operator:
        found = (await measure_lag(operator))[0]
    assert (found.unsuitable, found.is_healthy) == (("deliver_group",), False)


async def test_lag_says_until_when_a_consumer_is_paused(surroundings: Surroundings, streams: EventStreams) -> None:
    stream, name = CONSUMERS[0].stream.name, CONSUMERS[0].name
    await provision_consumers(streams.broker.jetstream, CONSUMERS[:1])
    async with an_operator(surroundings) as operator:
        await streams.broker.jetstream.pause_consumer(stream, name, "2099-01-01T00:00:00Z")
        paused = replace((await measure_lag(operator))[0], listening=True)
        await provision_consumers(streams.broker.jetstream, CONSUMERS[:1])
        resumed = replace((await measure_lag(operator))[0], listening=True)
    assert (paused.paused_until, paused.is_healthy) == ("2099-01-01T00:00:00Z", False)
    assert (resumed.paused_until, resumed.is_healthy) == ("", True)


@pytest.mark.parametrize(
    ("stream", "consequence"),
    [
        (DOMAIN_EVENTS, "services refuse changes"),
        (GENERAL_EVENTS, "services refuse changes"),
        (TIMERS, "no timer fires"),
        (DEAD_LETTERS, "an event that cannot be handled becomes no dead letter, and waits in its service"),
    ],
    ids=[each.name for each in (DOMAIN_EVENTS, GENERAL_EVENTS, TIMERS, DEAD_LETTERS)],
)
async def test_lag_says_what_the_lack_of_a_stream_means(
    surroundings: Surroundings, streams: EventStreams, stream: Stream, consequence: str
) -> None:
    await streams.broker.jetstream.delete_stream(stream.name)
    async with an_operator(surroundings) as operator:
        (missing,) = await problems_of_streams(operator)
    assert f"{stream.name} does not exist, so {consequence}" in missing


async def test_a_full_stream_and_a_missing_stream_are_named(surroundings: Surroundings, streams: EventStreams) -> None:
    jetstream = streams.broker.jetstream
    async with an_operator(surroundings) as operator:
        assert await problems_of_streams(operator) == []
        created, _, _ = order_events("65f0c0ffee00000000000010")
        await streams.publish(created)
        await jetstream.update_stream(DOMAIN_EVENTS.config(1).evolve(max_msgs=1))
        await jetstream.delete_stream(GENERAL_EVENTS.name)
        full, missing = await problems_of_streams(operator)
    assert "DOMAIN_EVENTS is full (max_msgs is 1)" in full
    assert "GENERAL_EVENTS does not exist" in missing


async def test_outboxes_show_events_that_are_old_or_cannot_be_read(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    async with an_operator(surroundings) as operator:
        tickets: Any = operator.databases["tickets"]["tickets"]

        async def outboxes() -> Outboxes:
            return next(each for each in await measure_outboxes(operator) if each.collection == "tickets tickets")

        assert await outboxes() == Outboxes("tickets tickets", 0, 0, None)
        staged = StagedEvent.stage(listed_ticket(), utc_now()).to_document()
        await tickets.insert_one({"_id": "young", "outbox": [staged]})
        assert (await outboxes()).problem == ""
        for minutes in (-1, 1):  # staged a minute ago, or while the clock was ahead
            await tickets.insert_one(
                {"_id": minutes, "outbox": [{**staged, "staged_at": utc_now() + timedelta(minutes=minutes)}]}
            )
            assert "2 events not published yet" in (await outboxes()).problem
            await tickets.delete_one({"_id": minutes})
        await tickets.insert_one({"_id": "damaged", "outbox": [{"id": "no more"}, 7]})
        assert "2 staged events cannot be read" in (await outboxes()).problem


async def test_a_timeline_is_that_of_one_aggregate(surroundings: Surroundings, streams: EventStreams) -> None:
    created, cancelled, _ = order_events("65f0c0ffee00000000000010")
    other, _, _ = order_events("65f0c0ffee00000000000010")
    await streams.publish(created, other, cancelled)
    async with an_operator(surroundings) as operator:
        events = await read_timeline(operator, created.id)
        assert [event.event for event in events] == ["order.created", "order.cancelled"]
        assert await read_timeline(operator, "65f0c0ffee00000000000099") == []
