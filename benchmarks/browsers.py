"""`python -m benchmarks.browsers`: opens many connections to the live changes of the shop, as open pages do.

The program runs in its own process. First, the parent process sends the job as one line of JSON. The program opens all
connections, and writes the line "ready" when each of them has received its first bytes. It then notes when each change
arrives, until every connection has received as many changes as the job says, or until the parent process sends a second
line. At the end, it writes one line of JSON: for each ticket, the number of connections that have received its change,
and the time at which the last of them has received it.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Sequence
from typing import cast

import uvloop

from benchmarks.client import encode
from benchmarks.load import say

_HEADERS = ("Accept: text/event-stream", "Accept-Encoding: gzip")
_TICKET = re.compile(rb'event: ticket\ndata: \{"id":"([0-9a-f]+)"')
_ENDS = b"\n\n"
_BEGINS_SECONDS = 10.0


class Arrivals:
    """For each ticket, how often its change has arrived, and when it has arrived last."""

    def __init__(self, expected: int) -> None:
        self.times: dict[str, tuple[int, float]] = {}
        self.complete = asyncio.Event()
        self._missing = expected

    def note(self, tickets: Sequence[str], now: float) -> None:
        for ticket in tickets:
            before, _ = self.times.get(ticket, (0, now))
            self.times[ticket] = (before + 1, now)
        self._missing -= len(tickets)
        if self._missing <= 0:
            self.complete.set()


class Page(asyncio.Protocol):
    """The connection of one open page. It searches the received bytes, because to parse them would take longer."""

    def __init__(self, request: bytes, arrivals: Arrivals) -> None:
        self._request = request
        self._arrivals = arrivals
        self._unread = b""
        self.began: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.WriteTransport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        # The bytes of one change may arrive in two parts.
        complete, end, self._unread = (self._unread + data).rpartition(_ENDS)
        if end and not self.began.done():
            self.began.set_result(None)
        self._arrivals.note([found.decode() for found in _TICKET.findall(complete)], now)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.began.done():
            self.began.set_exception(exc or EOFError())


async def _run(port: int, path: str, connections: int, changes: int) -> dict[str, tuple[int, float]]:
    loop, arrivals = asyncio.get_running_loop(), Arrivals(connections * changes)
    # The answer to HTTP/1.0 has no chunks. nginx would begin a new chunk in the middle of a change.
    request = encode("GET", path, headers=_HEADERS).replace(b"HTTP/1.1", b"HTTP/1.0")
    for _ in range(connections):
        _, page = await loop.create_connection(lambda: Page(request, arrivals), "127.0.0.1", port)
        async with asyncio.timeout(_BEGINS_SECONDS):
            await page.began
    say("ready")
    loop.add_reader(sys.stdin, arrivals.complete.set)
    await arrivals.complete.wait()
    return arrivals.times


def main() -> None:
    job = json.loads(sys.stdin.readline())
    say(json.dumps(uvloop.run(_run(**job))))


if __name__ == "__main__":
    main()
