"""A consumer at work: when it starts to consume, and what it consumes then."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from common.tests.consuming import CONSUMER, NAME, Effects, consuming, event, nothing
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, DeliverPolicy
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from common.events.tickets import TicketCreated, TicketUpdated
from common.messaging.broker import Broker
from common.messaging.consumer import Consumer
from common.messaging.dead_letters import DeadLetters
from common.messaging.provisioning import provision_consumers, provision_streams
from common.messaging.publisher import Publisher
from common.messaging.retry import RetryPolicy
from common.messaging.subscription import Subscription
from devkit.servers import NatsServer, free_port
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import QUICK

OTHER_SETTINGS: dict[str, Any] = {
    "filter_subjects": [TicketCreated.subjects()],
    "deliver_subject": "deliver.another-consumer",
    "deliver_group": "another-group",
    "max_deliver": QUICK.max_deliver - 1,
    "deliver_policy": DeliverPolicy.NEW,
    "ack_policy": AckPolicy.ALL,
    "headers_only": True,
    "flow_control": True,
}
"""What another version of the service declared, or a person has set, by the broker's name for the setting."""
NEEDED_BY_NATS = {"flow_control": {"idle_heartbeat": 5}}
"""The other settings without which NATS refuses a setting."""


async def handle(effects: Effects, event: TicketCreated | TicketUpdated) -> None:
    effects.done.append(event.subject)


BOTH: Consumer[Effects] = Consumer(NAME, (TicketCreated, TicketUpdated), handle)


async def test_a_subscription_waits_until_its_consumer_is_provisioned(streams: EventStreams) -> None:
    effects = Effects(nothing)
    subscription = Subscription(CONSUMER, effects, streams.broker, DeadLetters(Publisher(streams.broker)), QUICK)
    with capture_logs() as logs:
        starting = asyncio.create_task(subscription.start())

        async def reasons() -> str:
            return "; ".join(line["reason"] for line in logs if "reason" in line)

        await eventually(reasons, until=lambda seen: "does not exist" in seen, what="the first reason to wait")
        await provision_consumers(streams.broker.jetstream, [CONSUMER], RetryPolicy(delays=(), max_unanswered=0))
        await eventually(reasons, until=lambda seen: "its max_deliver do not suit" in seen, what="the second reason")
    assert not starting.done()
    await provision_consumers(streams.broker.jetstream, [CONSUMER], QUICK)
    await asyncio.wait_for(starting, 5)
    await streams.publish(event())
    await eventually(effects.completed, what="the first event")
    await subscription.stop(1)


@pytest.mark.parametrize(("setting", "other"), OTHER_SETTINGS.items(), ids=OTHER_SETTINGS)
async def test_a_subscription_waits_while_a_setting_does_not_suit_it_and_names_it(
    streams: EventStreams, setting: str, other: object
) -> None:
    """Otherwise the service would be ready, but would not receive some events, or could make no dead letters.

    With other `filter_subjects` it would not receive the events that only the new version declares. With the
    `deliver_policy` new, it would not receive the events that were published while the durable consumer was missing.
    """
    jetstream, stream = streams.broker.jetstream, CONSUMER.stream.name
    await jetstream.add_consumer(
        stream, BOTH.config(QUICK).evolve(**{setting: other}, **NEEDED_BY_NATS.get(setting, {}))
    )
    effects = Effects(nothing)
    subscription = Subscription(BOTH, effects, streams.broker, DeadLetters(Publisher(streams.broker)), QUICK)
    with capture_logs() as logs:
        starting = asyncio.create_task(subscription.start())

        async def has_decided() -> bool:
            return starting.done() or any(setting in line.get("reason", "") for line in logs)

        await eventually(has_decided, what="a start, or a line in the log that says why not")
    try:
        assert not starting.done(), f"it consumes although {setting} is {other}"
        assert [name for name in OTHER_SETTINGS if name in logs[-1]["reason"]] == [setting]
        await jetstream.delete_consumer(stream, NAME)
        await provision_consumers(jetstream, [BOTH], QUICK)
        await asyncio.wait_for(starting, 5)
        created = event()
        updated = TicketUpdated(**created.model_dump() | {"version": 2})
        await streams.publish(created, updated)
        await streams.eventually_quiet(NAME)
        assert sorted(effects.done) == [created.subject, updated.subject]
    finally:
        starting.cancel()
        await subscription.stop(1)


@pytest.mark.parametrize("changed", [RetryPolicy(ack_wait=30), RetryPolicy(max_unanswered=100)], ids=str)
async def test_a_subscription_works_with_settings_that_a_newer_version_has_changed(
    streams: EventStreams, changed: RetryPolicy
) -> None:
    """The old version must not wait for its own settings: https://github.com/kyma-project/kyma/issues/17338."""
    await provision_consumers(streams.broker.jetstream, [CONSUMER], changed)
    effects = Effects(nothing)
    subscription = Subscription(CONSUMER, effects, streams.broker, DeadLetters(Publisher(streams.broker)), QUICK)
    await asyncio.wait_for(subscription.start(), 5)
    await streams.publish(event())
    await eventually(effects.completed, what="the effect")
    await subscription.stop(1)


def times_lost() -> float:
    return REGISTRY.get_sample_value("consumers_lost_total", {"consumer": CONSUMER.name}) or 0


async def delete_consumer(jetstream: JetStreamContext) -> None:
    await jetstream.delete_consumer(CONSUMER.stream.name, CONSUMER.name)


async def delete_stream(jetstream: JetStreamContext) -> None:
    await jetstream.delete_stream(CONSUMER.stream.name)


async def pause(jetstream: JetStreamContext) -> None:
    await jetstream.pause_consumer(CONSUMER.stream.name, CONSUMER.name, "2099-01-01T00:00:00Z")


UNUSABLE = {
    "it does not exist": delete_consumer,
    "its stream DOMAIN_EVENTS does not exist": delete_stream,
    "it is paused until 2099-01-01": pause,
}
"""What makes a consumer unusable, by what the subscription says then."""


@pytest.mark.parametrize(("says", "happens"), UNUSABLE.items(), ids=[each.__name__ for each in UNUSABLE.values()])
async def test_an_unusable_consumer_is_noticed_and_works_again_once_it_is_provisioned(
    streams: EventStreams, says: str, happens: Callable[[JetStreamContext], Awaitable[None]]
) -> None:
    """NATS does not tell the client: https://github.com/nats-io/nats.py/issues/510."""
    await provision_consumers(streams.broker.jetstream, [CONSUMER], QUICK)
    effects = Effects(nothing)
    subscription = Subscription(CONSUMER, effects, streams.broker, DeadLetters(Publisher(streams.broker)), QUICK)

    async def problem() -> str:
        return subscription.problem

    await subscription.start()
    before = times_lost()
    with capture_logs() as logs:
        await happens(streams.broker.jetstream)
        seen = await eventually(problem, what="the problem")
        assert seen.startswith(f"The consumer {NAME} cannot be used: {says}"), seen
        await provision_streams(streams.broker.jetstream)
        await streams.publish(event())
        await provision_consumers(streams.broker.jetstream, [CONSUMER], QUICK)
        await eventually(effects.completed, what="the event that was published meanwhile")
        await eventually(problem, until=lambda seen: seen == "", what="no problem")
    assert [line["log_level"] for line in logs if line["event"].startswith("the consumer c")] == ["error", "info"]
    assert times_lost() == before + 1
    await subscription.stop(1)


@pytest.mark.slow
async def test_an_event_is_delivered_once_if_its_handler_takes_longer_than_the_ack_wait(streams: EventStreams) -> None:
    clock = asyncio.get_running_loop().time

    async def take_three_times_the_ack_wait(_event: TicketCreated) -> None:
        end = clock() + 3 * QUICK.ack_wait

        async def is_over() -> bool:
            return clock() > end

        await eventually(is_over, what="the end of a slow handler")

    effects = Effects(take_three_times_the_ack_wait)
    async with consuming(effects, streams, policy=QUICK):
        await streams.publish(event())
        await eventually(effects.completed, what="the effect")
        await streams.eventually_quiet(NAME)
    assert len(effects.seen) == 1


async def test_a_subscription_continues_after_a_crash_of_the_broker(tmp_path: Path) -> None:
    async with NatsServer(tmp_path, free_port()) as server:
        broker = Broker(server.url, "test")
        await broker.connect()
        await provision_streams(broker.jetstream)
        streams = EventStreams(broker)
        effects = Effects(nothing)

        async def is_connected() -> bool:
            return broker.is_connected

        async with consuming(effects, streams):
            before, after = event(), event()
            await streams.publish(before)
            await eventually(effects.completed, what="the event before")
            await server.kill()
            await server.start()
            await eventually(is_connected, what="the connection")
            await streams.publish(after)
            await eventually(effects.completed, until=lambda _: after.id in effects.done, what="the event after")
        assert set(effects.done) == {before.id, after.id}
        await broker.close()
