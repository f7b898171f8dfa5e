"""Many events for which a service is asked to run its handler once more."""

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
from marketplace.operations.retell import retell

SERVICE = "tickets"
ACCEPTABLE = 50
"""A service has its usual work to do beside, and must answer each one within a few seconds."""


@pytest.fixture
async def operator(surroundings: Surroundings) -> AsyncIterator[Operator]:
    async with an_operator(surroundings) as connection:
        yield connection


async def test_a_service_is_asked_for_a_few_replays_at_a_time_and_in_the_end_for_all(
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
        """Answer those that have come by now."""
        while waiting:
            message = waiting.pop()
            answered.append(message.data)
            await message.respond(REPLAYED)
        return telling.done()

    handler = streams.broker.client
    replays = await handler.subscribe("replay.>", cb=take)
    await handler.flush()
    telling = asyncio.create_task(retell(operator, SERVICE, events))

    async def first_have_come() -> list[Msg]:
        return waiting

    await eventually(first_have_come, what="the first replays")
    for client in (operator.broker.client, handler):  # by then, everything that has been asked for is there
        await client.flush()
    await eventually(answered_all, what="the end of the replays")
    await replays.unsubscribe()
    assert most_at_once < ACCEPTABLE, f"{most_at_once} replays were asked for at once"
    assert await telling == {}
    assert sorted(answered) == sorted(each.to_json().encode() for each in events)
