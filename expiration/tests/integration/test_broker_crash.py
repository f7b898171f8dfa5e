"""Timers survive when the broker is killed: those that are due while it is down, and later ones."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from expiration.tests.timers import Start, eventually_fired, eventually_quiet, eventually_set

from common.domain.clock import utc_now
from common.domain.ids import new_id
from common.events.expiration import ExpirationCompleted
from common.storage.mongo import MongoDriver
from devkit.servers.nats_server import NatsServer
from devkit.servers.ports import free_port
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import RunningService
from devkit.testing.samples import order_events

pytestmark = pytest.mark.slow


@pytest.fixture
def driver() -> MongoDriver:
    """Only one driver: these tests are about the broker, and they are slow."""
    return "motor"


@pytest.fixture
async def nats_server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """A server that only this test uses, because the test kills it."""
    async with NatsServer(tmp_path, free_port()) as server:
        yield server


async def test_timers_survive_when_the_broker_is_killed(
    start: Start, streams: EventStreams, nats_server: NatsServer
) -> None:
    """Without a running service that could set them again."""
    meanwhile, after = (order_events(new_id(), due_in=timedelta(seconds=seconds))[0] for seconds in (0.5, 2))
    async with start():
        await streams.publish(meanwhile, after)
        await eventually_set(streams, meanwhile, after)

    await kill_until(meanwhile.expires_at, nats_server, streams)
    await eventually_fired(streams, meanwhile, after)
    async with start():
        expired = await streams.eventually_published(ExpirationCompleted, 2)
        await eventually_quiet(streams)
    assert {event.id for event in expired} == {meanwhile.id, after.id}
    assert len(await streams.published(ExpirationCompleted)) == 2


async def test_a_service_continues_when_its_killed_broker_is_back(
    running: RunningService, streams: EventStreams, nats_server: NatsServer
) -> None:
    meanwhile, after = (order_events(new_id(), due_in=timedelta(seconds=seconds))[0] for seconds in (0.5, 2))
    await streams.publish(meanwhile, after)
    await eventually_set(streams, meanwhile, after)

    await kill_until(meanwhile.expires_at, nats_server, streams)

    expired = await streams.eventually_published(ExpirationCompleted, 2)
    await eventually_quiet(streams)
    assert [event.id for event in expired] == [meanwhile.id, after.id]
    assert len(await streams.published(ExpirationCompleted)) == 2
    assert await streams.dead_letters() == []


async def kill_until(moment: datetime, server: NatsServer, streams: EventStreams) -> None:
    await server.kill()

    async def remaining() -> timedelta:
        return moment - utc_now()

    await eventually(remaining, until=lambda seen: seen < timedelta(0), what=f"the moment {moment}")
    await server.start()

    async def connected() -> bool:
        return streams.broker.is_connected

    await eventually(connected, what="a connection to the broker")
