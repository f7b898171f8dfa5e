"""After an outage of NATS or MongoDB, every open page learns of what happened, and a stop ends all connections."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from storefront.tests.integration.conftest import Copies, open_shop_in
from storefront.tests.live_page import LivePage, Shop

from common.domain.ids import new_id
from devkit.servers.mongod import Mongod
from devkit.servers.nats_server import NatsServer
from devkit.servers.ports import free_port
from devkit.testing.events import EventStreams, empty_streams
from devkit.testing.eventually import eventually
from devkit.testing.keys import KeyPair
from devkit.testing.process import ServiceProcess, environment_of
from devkit.testing.running import Surroundings
from devkit.testing.samples import listed_ticket
from storefront.spec import SPEC

pytestmark = pytest.mark.slow


@asynccontextmanager
async def connected_page(
    mongod: Mongod, nats: NatsServer, keys: KeyPair
) -> AsyncIterator[tuple[Shop, LivePage, EventStreams]]:
    async with mongod, nats, empty_streams(nats) as streams:
        surroundings = Surroundings(mongod.url, nats.url, "motor", keys, streams.broker, new_id())
        async with open_shop_in(surroundings, Copies()) as shop:
            await shop.eventually_caught_up()
            async with shop.page(since=0) as page:
                await streams.publish(listed_ticket())
                await page.eventually_at(1)
                yield shop, page, streams


@pytest.fixture
def servers(tmp_path: Path) -> tuple[Mongod, NatsServer]:
    """Servers that no other test uses."""
    return Mongod(tmp_path / "mongod", free_port()), NatsServer(tmp_path / "nats", free_port())


async def test_a_change_after_a_restart_of_nats_is_shown_within_1_s(
    servers: tuple[Mongod, NatsServer], keys: KeyPair
) -> None:
    mongod, nats = servers
    async with connected_page(mongod, nats, keys) as (_, page, streams):
        await nats.kill()
        await nats.start()
        await eventually_connected(streams)
        ticket = listed_ticket()
        await streams.publish(ticket)
        await page.eventually_shows(ticket.id, "on-sale")
        assert page.named("reset") == []


async def test_a_change_during_an_outage_of_mongodb_is_shown_after_it(
    servers: tuple[Mongod, NatsServer], keys: KeyPair
) -> None:
    mongod, nats = servers
    async with connected_page(mongod, nats, keys) as (shop, page, streams):
        await mongod.kill()
        ticket = listed_ticket()
        await streams.publish(ticket)
        await eventually_unread(shop)
        await mongod.start()
        await eventually_ready(shop)
        await page.eventually_shows(ticket.id, "on-sale", within=3)
        later = listed_ticket()
        await streams.publish(later)
        await page.eventually_shows(later.id, "on-sale")
        assert page.named("reset") == []


async def test_a_stop_ends_open_connections_in_good_order(surroundings: Surroundings, tmp_path: Path) -> None:
    """Also a connection whose browser does not read. Each browser then connects to another instance."""
    environment = environment_of(
        SPEC, mongo_url=surroundings.mongo_url, nats_url=surroundings.nats_url, keys=surroundings.keys
    )
    process = ServiceProcess(SPEC, tmp_path, environment | {"MONGO_DATABASE": f"storefront-{surroundings.run_id}"})
    async with process:
        shop = Shop(process.url)
        async with shop.page() as one, shop.page() as two:
            _, writer = await asyncio.open_connection("127.0.0.1", process.port, limit=1)
            writer.write(b"GET /live/events HTTP/1.1\r\nHost: here\r\n\r\n")
            process.signal(signal.SIGTERM)
            await one.eventually_ended(within=1)
            await two.eventually_ended(within=1)
            writer.close()
        assert await process.wait(6), "it still waits for its connections"
        assert process.ending == "exit code 0", process.last_lines(10)


async def eventually_connected(streams: EventStreams) -> None:
    async def is_connected() -> bool:
        return streams.broker.is_connected

    await eventually(is_connected, what="a connection to NATS")


async def eventually_unread(shop: Shop) -> None:
    async def answer() -> bool:
        return bool(await shop.running.runtime.check_ready())  # type: ignore[union-attr]

    await eventually(answer, what="a missing database")


async def eventually_ready(shop: Shop) -> None:
    async def lacking() -> list[str]:
        return await shop.running.runtime.check_ready()  # type: ignore[union-attr]

    await eventually(lacking, until=lambda seen: not seen, what="readiness")
