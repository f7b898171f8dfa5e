"""Many events that are replayed to one service."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from marketplace.tests.integration.operated import an_operator
from nats.aio.msg import Msg

from common.domain.event import Event
from common.domain.ids import new_id
from common.events.orders import OrderCancelled, OrderCreated
from common.messaging.consumer import Consumer
from common.messaging.replay import REPLAYED, replay_subject
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import Surroundings
from devkit.testing.samples import order_events
from marketplace.operations.operator import Operator
from marketplace.operations.replay_events import replay_events
from marketplace.registry import CONSUMERS_OF

ACCEPTABLE = 50
"""The service also has its usual work, and must answer each replay within a few seconds."""


@pytest.fixture
async def operator(surroundings: Surroundings) -> AsyncIterator[Operator]:
    async with an_operator(surroundings) as connection:
        yield connection


async def test_only_a_few_replays_run_at_once_and_all_of_them_are_done(
    operator: Operator, streams: EventStreams
) -> None:
    events = [order_events(new_id())[0] for _ in range(4 * ACCEPTABLE)]
    waiting: list[Msg] = []
    answered: list[bytes] = []
    most_at_once = 0

    async def take(message: Msg) -> None:
        nonlocal most_at_once
        waiting.append(message)
        most_at_once = max(most_at_once, len(waiting))

    async def answered_all() -> bool:
        """Answer all requests that have arrived."""
        while waiting:
            message = waiting.pop()
            answered.append(message.data)
            await message.respond(REPLAYED)
        return replaying.done()

    handler = streams.broker.client
    replays = await handler.subscribe("replay.>", cb=take)
    await handler.flush()
    replaying = asyncio.create_task(replay_events(operator, CONSUMERS_OF["tickets"], events))

    async def first_requests() -> list[Msg]:
        return waiting

    await eventually(first_requests, what="the first replays")
    for client in (operator.broker.client, handler):  # afterwards, all requests that were sent have arrived
        await client.flush()
    await eventually(answered_all, what="the end of the replays")
    await replays.unsubscribe()
    assert most_at_once < ACCEPTABLE, f"{most_at_once} replays ran at once"
    assert await replaying == {}
    assert sorted(answered) == sorted(each.to_json().encode() for each in events)


async def test_every_consumer_of_the_event_is_asked_and_the_reason_of_one_is_returned(
    operator: Operator, streams: EventStreams
) -> None:
    async def handle(_use_cases: object, _event: Event) -> None:
        """Never called: the test answers for the consumers."""

    created = order_events(new_id())[0]
    consumers = [
        Consumer(name, (kind,), handle)
        for name, kind in (("a", OrderCreated), ("b", OrderCreated), ("c", OrderCancelled))
    ]
    asked: list[str] = []

    async def take(message: Msg) -> None:
        asked.append(message.subject)
        await message.respond(REPLAYED if message.subject.endswith("a") else b"it failed")

    handler = streams.broker.client
    replays = await handler.subscribe("replay.>", cb=take)
    await handler.flush()
    assert await replay_events(operator, consumers, [created]) == {created.id: "it failed"}
    await replays.unsubscribe()
    assert sorted(asked) == [replay_subject("a"), replay_subject("b")]
