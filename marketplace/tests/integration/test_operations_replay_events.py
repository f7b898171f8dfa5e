"""Many events that are replayed to one service."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from marketplace.tests.integration.operated import an_operator
from nats.aio.msg import Msg

from common.domain.ids import new_id
from common.messaging.replay import REPLAYED
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import Surroundings
from devkit.testing.samples import order_events
from marketplace.operations.operator import Operator
from marketplace.operations.replay_events import replay_events

SERVICE = "tickets"
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
    replaying = asyncio.create_task(replay_events(operator, SERVICE, events))

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
