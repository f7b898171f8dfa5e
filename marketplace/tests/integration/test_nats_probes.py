"""The probes of the NATS pod ignore a fault that a restart does not repair."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import nats
import pytest
from marketplace.tests.integration.cluster_nats import ClusterNats
from marketplace.tests.integration.liveness_probe import is_alive, nats_container
from marketplace.tests.integration.one_of_three import OneOfThree
from nats.errors import Error as NatsError

from common.domain.ids import new_id
from common.messaging.streams import TIMERS
from devkit.servers import Mongod, NatsServer, Server, free_port
from devkit.testing.eventually import eventually
from devkit.testing.full_disk import on_linux_only, unwritable
from marketplace.bounded_provisioning import provision_within
from marketplace.provisioning import provision_everything

_RECOVERY_SECONDS = 15
"""The time in which NATS has to be restarted when its disk has room again."""


@pytest.fixture(scope="module")
async def damaged(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ClusterNats]:
    """A server that cannot recover one of its streams, and serves the others."""
    server = ClusterNats(tmp_path_factory.mktemp("nats"))
    async with server:
        await provision_everything(server.url_of("provisioning"), replicas=1)
        await server.kill()
        (description,) = server.data_dir.rglob(f"streams/{TIMERS.name}/meta.inf")
        description.write_text("{}", encoding="utf-8")
        await server.start()
        yield server


async def test_a_damaged_stream_does_not_restart_nats(damaged: ClusterNats) -> None:
    """A restart would start the recovery again, and the other streams of the server are needed meanwhile."""
    assert await _status(damaged, "/healthz") == httpx.codes.SERVICE_UNAVAILABLE, "no stream is unhealthy"
    assert await is_alive(damaged)
    assert await damaged.fault() is None, "make run restarts it"


async def test_a_damaged_stream_does_not_stop_the_traffic_of_nats(damaged: ClusterNats) -> None:
    assert await _status(damaged, "/healthz") == httpx.codes.SERVICE_UNAVAILABLE, "no stream is unhealthy"
    assert await _status(damaged, nats_container()["readinessProbe"]["httpGet"]["path"]) == httpx.codes.OK


@on_linux_only
async def test_nats_whose_disk_was_full_is_restarted_as_soon_as_it_has_room(tmp_path: Path) -> None:
    """It would never store again by itself. https://github.com/nats-io/nats-server/issues/5382 is why not before."""
    async with ClusterNats(tmp_path) as server:
        await provision_everything(server.url_of("provisioning"))
        assert await is_alive(server)
        with unwritable(server.pid):
            assert not await _publishes(server), "the disk is not full"
            assert await is_alive(server, disk_is_full=True)
        assert not await _publishes(server), "it stores again without a restart"
        assert not await is_alive(server)
        await server.kill()
        await server.start()
        assert await _publishes(server)
        assert await is_alive(server)


async def test_nats_without_an_answer_is_restarted(tmp_path: Path) -> None:
    async with ClusterNats(tmp_path) as server:
        await server.kill()
        assert not await is_alive(server)


async def test_a_server_of_three_is_not_restarted_because_the_others_are_away(tmp_path: Path) -> None:
    """Its full /healthz is 503 as long as they are away: each server would be restarted again and again."""
    async with _three_servers(tmp_path) as (first, second, third):
        await second.kill()
        await third.kill()
        await eventually(
            lambda: _status(first, "/healthz"),
            until=lambda status: status == httpx.codes.SERVICE_UNAVAILABLE,
            what="a server that misses the others",
        )
        assert await is_alive(first)


@on_linux_only
async def test_a_server_of_three_with_a_failed_write_is_restarted(tmp_path: Path) -> None:
    """The other two serve on, so nothing else shows that one stores nothing."""
    async with _three_servers(tmp_path) as (first, *_):
        with unwritable(first.pid):
            await eventually(lambda: _is_dead(first), within=30, what="a failed write")


async def test_a_server_of_three_that_has_disabled_jetstream_is_restarted(tmp_path: Path) -> None:
    """It does so when its disk is full, and for no other error. So this answer was recorded on a full disk."""
    server = ClusterNats(tmp_path)
    assert server.monitor_port is not None
    body = b'{"status":"unavailable","error":"JetStream not enabled (10076)"}'

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 503 Service Unavailable\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", server.monitor_port):
        assert not await is_alive(server)
        assert await is_alive(server, disk_is_full=True)


def test_nats_has_a_minute_to_answer_and_is_restarted_within_15_s() -> None:
    probe = nats_container()["livenessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] < _RECOVERY_SECONDS
    assert probe["timeoutSeconds"] * probe["failureThreshold"] > 60


@pytest.mark.parametrize("kind", [NatsServer, Mongod])
def test_make_run_gives_a_large_store_as_much_time_to_start_as_kubernetes(kind: type[Server]) -> None:
    probe = nats_container()["startupProbe"]
    assert kind.start_seconds >= probe["periodSeconds"] * probe["failureThreshold"]


@asynccontextmanager
async def _three_servers(folder: Path) -> AsyncIterator[list[OneOfThree]]:
    """Three servers that have found each other, with the streams on all of them."""
    ports = [free_port() for _ in range(3)]
    servers = [OneOfThree(folder / f"nats-{number}", number, ports) for number in range(3)]
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(each) for each in servers))
        await provision_within(servers[0].url_of("provisioning"), replicas=3)
        yield servers


async def _publishes(server: ClusterNats) -> bool:
    """Publish an event on this server. Return True if NATS has stored it."""
    client = await nats.connect(server.url_of("auth"), inbox_prefix="_INBOX_auth")
    try:
        await client.jetstream(timeout=1).publish(f"user.registered.{new_id()}", b"{}")
    except (NatsError, TimeoutError):
        return False
    finally:
        await client.close()
    return True


async def _is_dead(server: ClusterNats) -> bool:
    await _publishes(server)
    return not await is_alive(server)


async def _status(server: ClusterNats, path: str) -> int:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.monitor_port}", trust_env=False) as client:
        return (await client.get(path)).status_code
