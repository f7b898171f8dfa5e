"""Tests that the simulated open pages find each change in the bytes that they receive."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from subprocess import PIPE

import pytest

_GREETING = b"HTTP/1.1 200 OK\r\n\r\nretry: 1000\n\n"
_FIRST = b'id: 1\nevent: ticket\ndata: {"id":"aa01","v":1}\n\n'
_SECOND = b'event: ticket\ndata: {"id":"bb02","v":2}\n\nid: 2\n\n'
_OTHER = b'event: order\ndata: {"id":"cc03","v":2}\n\n'


@pytest.fixture
async def sending() -> AsyncIterator[int]:
    """Start a server and return its port. It sends two changes to each connection, the second one in two parts."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in (_GREETING, _FIRST + _OTHER + _SECOND[:20], _SECOND[20:]):
            writer.write(part)
            await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("changes", [2, 3], ids=["all arrive", "one is missing"])
async def test_each_page_notes_each_change_once(sending: int, changes: int) -> None:
    job = {"port": sending, "path": "/live/events", "connections": 3, "changes": changes}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.browsers", stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(job).encode() + b"\n")
    async with asyncio.timeout(20):
        assert await process.stdout.readline() == b"ready\n"
        if changes > 2:
            process.stdin.write(b"end\n")
        found = json.loads(await process.stdout.readline())
        assert await process.wait() == 0
    assert {ticket: count for ticket, (count, _) in found.items()} == {"aa01": 3, "bb02": 3}
