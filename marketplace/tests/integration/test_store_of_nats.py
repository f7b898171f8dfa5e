"""NATS on one machine, after its disk was full, and after its folder was deleted."""

import asyncio
import resource
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import nats
import pytest
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from common.messaging.streams import STREAMS
from devkit.servers import NatsServer, free_port
from devkit.testing.eventually import eventually
from devkit.testing.full_disk import NatsWithFullDisk, on_linux_only
from marketplace.platform import Platform
from marketplace.registry import CONSUMERS_OF
from marketplace.supervisor import Supervisor

_RECOVERY_SECONDS = 15
"""The time in which NATS has to store events again when its disk has room again."""
_SUBJECT = "user.registered.f2"


@on_linux_only
@pytest.mark.slow
async def test_nats_stores_again_within_15_s_after_its_disk_was_full(tmp_path: Path) -> None:
    """Until then it is not restarted, and one line says where there is no room."""
    server, said = NatsWithFullDisk(tmp_path, free_port(), free_port()), list[str]()
    supervisor = Supervisor(server, said.append)
    await supervisor.start()
    first = server.pid
    async with _jetstream(server.url) as jetstream:
        await jetstream.add_stream(name="USERS", subjects=["user.>"])
        await jetstream.publish(_SUBJECT, b"before")
    with server.full_disk():
        assert not await _stores(server.url), "the disk is not full"

        async def lines() -> int:
            return len(said)

        await eventually(lines, what="a line about the disk")
        assert not await _stores(server.url), "it was restarted"
    await eventually(lambda: _stores(server.url), within=_RECOVERY_SECONDS, what="an event in the stream")

    assert server.pid != first
    assert f"nats: it stores nothing, because the disk of {tmp_path} is probably full (JetStream stream" in said[0]
    assert [line.rpartition(". ")[2] for line in said[1:]] == ["Restarting it.", "Starting it again in 0.2 s."]
    async with _jetstream(server.url) as jetstream:
        assert (await jetstream.get_msg("USERS", seq=1)).data == b"before"
    await supervisor.stop_watching()
    await server.kill()


async def test_the_streams_and_consumers_are_there_again_after_the_folder_of_nats_was_deleted(
    platform: Platform,
) -> None:
    platform.pause("nats")
    shutil.rmtree(platform.settings.data_dir / "nats")
    await platform.kill("nats")
    expected = {stream.name for stream in STREAMS}, {each.name for row in CONSUMERS_OF.values() for each in row}
    await eventually(
        lambda: _streams_and_consumers(platform.nats_url),
        until=lambda seen: seen == expected,
        what="all streams and consumers",
    )


async def test_nats_has_room_only_if_it_can_write_to_its_folder(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "deleted", free_port(), free_port())
    assert server.has_room()
    with _no_room():
        assert not server.has_room()


async def test_a_nats_that_does_not_answer_is_not_taken_for_one_with_a_fault(tmp_path: Path) -> None:
    """It may be reading a large store, or its machine may be slow."""
    server = NatsServer(tmp_path, free_port(), free_port())
    assert await server.fault() is None


@contextmanager
def _no_room() -> Iterator[None]:
    """Let this process make no file longer."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@asynccontextmanager
async def _jetstream(url: str) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(url, allow_reconnect=False)
    try:
        yield client.jetstream(timeout=1)
    finally:
        await client.close()


async def _stores(url: str) -> bool:
    try:
        async with _jetstream(url) as jetstream:
            await jetstream.publish(_SUBJECT, b"one more")
    except (NatsError, OSError):
        return False
    return True


async def _streams_and_consumers(url: str) -> tuple[set[str], set[str]]:
    try:
        async with _jetstream(url) as jetstream:
            streams = {str(each.config.name) for each in await jetstream.streams_info()}
            consumers = await asyncio.gather(*(jetstream.consumers_info(stream) for stream in sorted(streams)))
    except (NatsError, NotFoundError, OSError):
        return set(), set()
    return streams, {each.name for some in consumers for each in some}
