"""A follower reads every message once and in order, whatever happens to the connection or to the stream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from nats.js.api import RawStreamMsg

from common.messaging.broker import Broker
from common.messaging.provisioning import provision_streams
from common.messaging.stream_follower import StreamFollower, StreamReplaced
from common.messaging.streams import DOMAIN_EVENTS
from devkit.servers.nats_server import NatsServer
from devkit.servers.ports import free_port
from devkit.testing.events import EventStreams, empty_streams
from devkit.testing.eventually import eventually
from devkit.testing.samples import listed_ticket


class Reader:
    def __init__(self) -> None:
        self.positions: list[int] = []

    async def read(self, follower: StreamFollower, after: RawStreamMsg | None) -> None:
        async with aclosing(follower.follow(after)) as messages:
            async for message in messages:
                self.positions.append(message.seq or 0)

    async def eventually_read(self, *expected: int, within: float = 1.0) -> None:
        async def seen() -> list[int]:
            return self.positions

        await eventually(seen, until=lambda found: len(found) >= len(expected), within=within, what="messages")
        assert self.positions == list(expected)


@asynccontextmanager
async def reading(streams: EventStreams) -> AsyncIterator[tuple[Reader, asyncio.Task[None]]]:
    follower, reader = StreamFollower(streams.broker, DOMAIN_EVENTS), Reader()
    task = asyncio.create_task(reader.read(follower, await follower.newest()))
    try:
        yield reader, task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_a_follower_reads_each_new_message_once_and_in_order(streams: EventStreams) -> None:
    await streams.publish(listed_ticket())
    async with reading(streams) as (reader, _):
        await asyncio.gather(*(streams.publish(listed_ticket()) for _ in range(50)))
        await reader.eventually_read(*range(2, 52), within=3)


async def test_a_follower_of_an_empty_stream_begins_with_its_first_message(streams: EventStreams) -> None:
    async with reading(streams) as (reader, _):
        await streams.publish(listed_ticket())
        await reader.eventually_read(1)


@pytest.mark.parametrize("new_length", [0, 1, 5], ids=["empty", "shorter", "longer"])
async def test_a_stream_that_was_replaced_is_noticed_within_3_s(streams: EventStreams, new_length: int) -> None:
    await streams.publish(listed_ticket(), listed_ticket())
    async with reading(streams) as (reader, task):
        await streams.broker.jetstream.delete_stream(DOMAIN_EVENTS.name)
        await provision_streams(streams.broker.jetstream)
        await streams.publish(*(listed_ticket() for _ in range(new_length)))
        await asyncio.wait({task}, timeout=3)
        assert task.done()
        assert isinstance(task.exception(), StreamReplaced)
        assert reader.positions == [], "messages of the new stream"


async def test_a_follower_reads_on_within_1_s_after_a_restart_of_nats(tmp_path: Path) -> None:
    """It also reads what was published before its own connection was there again."""
    async with NatsServer(tmp_path, free_port()) as server, empty_streams(server) as streams:
        await streams.publish(listed_ticket())
        async with reading(streams) as (reader, task):
            await server.kill()
            await server.start()
            publisher = Broker(server.url, "publisher")
            await publisher.connect()
            await EventStreams(publisher).publish(listed_ticket(), listed_ticket())
            await reader.eventually_read(2, 3)
            assert not task.done()
            await publisher.close()
