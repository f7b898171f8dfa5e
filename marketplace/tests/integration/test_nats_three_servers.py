"""Production's NATS: three servers with the configuration of its overlay, one of which may fail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import nats
import pytest
from marketplace.tests.integration.one_of_three import OneOfThree
from nats.aio.client import Client
from nats.errors import Error as NatsError

from common.messaging.streams import GENERAL_EVENTS, STREAMS
from devkit.servers import free_port
from devkit.testing.eventually import eventually
from marketplace.provisioning import provision_everything

SERVERS = 3
EVENTS = 20


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[list[OneOfThree]]:
    ports = [free_port() for _ in range(SERVERS)]
    three = [OneOfThree(tmp_path / f"nats-{number}", number, ports) for number in range(SERVERS)]
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(each) for each in three))
        yield three


async def test_one_of_three_servers_fails_and_no_event_is_lost(servers: list[OneOfThree]) -> None:
    await _provision(servers[0].url_of("provisioning"))
    auth = await nats.connect([each.url_of("auth") for each in servers], inbox_prefix="_INBOX_auth")
    await _publish(auth, range(EVENTS))
    assert auth.discovered_servers == [], "a bare address, for which a client has no password"
    await servers[0].kill()
    await _publish(auth, range(EVENTS, 2 * EVENTS))
    await auth.close()
    await servers[0].start()

    provisioning = await nats.connect(servers[1].url_of("provisioning"), inbox_prefix="_INBOX_provisioning")
    for stream in STREAMS:
        await eventually(
            partial(_copies_up_to_date, provisioning, stream.name),
            until=lambda copies: copies == SERVERS,
            within=20,
            what=f"three copies of {stream.name}",
        )
    kept = await provisioning.jetstream().stream_info(GENERAL_EVENTS.name)
    await provisioning.close()
    assert kept.state.messages == 2 * EVENTS


async def _provision(url: str) -> None:
    async def attempt() -> bool:
        try:
            await provision_everything(url, replicas=SERVERS)
        except (NatsError, TimeoutError):  # the three have not found each other yet
            return False
        return True

    await eventually(attempt, within=30, what="streams on three servers")


async def _publish(client: Client, numbers: range) -> None:
    async def attempt(number: int) -> bool:
        try:
            subject, headers = f"user.registered.{number:024}", {"Nats-Msg-Id": f"user-{number}"}
            await client.jetstream(timeout=1).publish(subject, b"{}", headers=headers)
        except (NatsError, TimeoutError):  # the next leader is being elected: the relay would ask again, too
            return False
        return True

    for number in numbers:
        await eventually(partial(attempt, number), within=15, what=f"event {number} in the stream")


async def _copies_up_to_date(client: Client, stream: str) -> int:
    try:
        cluster = (await client.jetstream(timeout=2).stream_info(stream)).cluster
    except (NatsError, TimeoutError):
        return 0
    return 1 + sum(bool(replica.current) for replica in cluster.replicas or ()) if cluster else 0
