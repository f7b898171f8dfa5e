"""Measures how fast 1,000 open pages of the shop learn that a ticket has changed.

Each of 1,000 connections through the gateway receives the live changes, as an open page does. Meanwhile, a seller
changes the prices of 50 tickets per second through the API. The measured time begins with the answer to the change and
ends when the last connection has received the change. If it arrives before the answer, the time is negative.

The first row also has notes: the CPU time of the processes, and the memory of the storefront service per connection.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.bench import Bench
from benchmarks.client import Connection
from benchmarks.figures import Row, percentile
from benchmarks.generators import Load
from benchmarks.processes import computed, resident

_PAGES, _RATE, _SECONDS = 1_000, 50, 10
_PROCESSES = 2
"""On many systems, a process may open only 1,024 files or connections."""
_PATH = "/live/events"
_WITHIN_SECONDS = 30.0
"""If a change has not arrived everywhere so long after the answer to the last change, the measurement fails."""
_SMALLEST_SHOWN_MS = 0.01
_LONGEST_LINE = 2**27

Arrivals = dict[str, tuple[int, float]]


@dataclass(frozen=True)
class Round:
    milliseconds: list[float]
    """For each change, the time until the last page has received it."""
    kib_per_page: float
    computed: dict[str, float]
    """The CPU time that each process of the platform used per change, in milliseconds."""


async def measure(bench: Bench) -> list[Row]:
    rounds = []
    for number in range(bench.rounds):
        bench.progress(f"round {number + 1} of {bench.rounds}")
        rounds.append(await _round(bench))
    used = {name: median(each.computed[name] for each in rounds) for name in rounds[0].computed}
    notes = {
        "CPU ms per change": ", ".join(f"{name} {ms:.2f}" for name, ms in used.items() if ms >= _SMALLEST_SHOWN_MS),
        # The process keeps the memory that it has freed, so the connections of a later round need nothing more.
        "memory of storefront per page": f"{rounds[0].kib_per_page:.0f} KiB",
    }
    pages, rate = bench.size(_PAGES, 20), bench.size(_RATE, 20)
    what = f"change → last of {pages:,} pages, {rate} changes/s"
    return [
        Row(f"{what}, p50", "ms", [percentile(each.milliseconds, 50) for each in rounds], notes=notes),
        Row(f"{what}, p99", "ms", [percentile(each.milliseconds, 99) for each in rounds]),
    ]


async def _round(bench: Bench) -> Round:
    pages, rate = bench.size(_PAGES, 20), bench.size(_RATE, 20)
    token, tickets = await _tickets(bench, rate * bench.size(_SECONDS, 1))
    before = resident(bench.platform)["storefront"]
    async with _open_pages(bench, pages, len(tickets)) as collect:
        await asyncio.sleep(1)  # the connections are open: only their memory is left to compare
        grown = resident(bench.platform)["storefront"] - before
        cpu = computed(bench.platform)
        changes = Load(
            bench.port("tickets"),
            "PUT",
            [f"/api/tickets/{ticket}" for ticket in tickets],
            [json.dumps({"title": "Concert", "price": 25.5})] * len(tickets),
            [token],
            rate=rate,
        )
        outcome = await changes.run()
        outcome.require(200)
        arrivals = await collect()
        used = {name: (now - cpu[name]) / len(tickets) * 1000 for name, now in computed(bench.platform).items()}
    missed = [ticket for ticket in tickets if arrivals.get(ticket, (0, 0.0))[0] < pages]
    if missed:
        counts = [arrivals.get(ticket, (0, 0.0))[0] for ticket in missed]
        raise RuntimeError(f"{len(missed)} of {len(tickets)} changes have reached only {counts} of {pages} pages")
    late = [(arrivals[ticket][1] - answer.done) * 1000 for ticket, answer in zip(tickets, outcome.answers, strict=True)]
    return Round(late, grown * 1024 / pages, used)


async def _tickets(bench: Bench, count: int) -> tuple[str, list[str]]:
    """Create tickets of one seller. Return the token of the seller, and the ids of the tickets."""
    token, connection = bench.new_token(), Connection(bench.port("tickets"))
    body = {"title": "Concert", "price": 19.99}
    created = [await connection.ask_json("POST", "/api/tickets", token=token, body=body) for _ in range(count)]
    connection.close()
    await bench.wait_until_idle()
    return token, [ticket["id"] for ticket in created]


@asynccontextmanager
async def _open_pages(bench: Bench, pages: int, changes: int) -> AsyncIterator[Any]:
    """Open this number of connections in other processes. Yield a function that waits for all changes to arrive."""
    async with AsyncExitStack() as stack:
        processes = [await _browsers(stack, bench, pages // _PROCESSES, changes) for _ in range(_PROCESSES)]

        async def collect() -> Arrivals:
            lines = asyncio.gather(*(process.stdout.readline() for process in processes))
            with suppress(TimeoutError):
                async with asyncio.timeout(_WITHIN_SECONDS):
                    await asyncio.shield(lines)
            for process in processes:
                process.stdin.write(b"end\n")
            return _together([json.loads(line) for line in await lines])

        yield collect


async def _browsers(stack: AsyncExitStack, bench: Bench, connections: int, changes: int) -> Any:  # noqa: ANN401 - a Process with pipes
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.browsers"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - they are pipes
    stack.push_async_callback(process.wait)
    stack.callback(process.stdin.close)
    port = bench.platform.settings.gateway_port
    job = {"port": port, "path": _PATH, "connections": connections, "changes": changes}
    process.stdin.write(json.dumps(job).encode() + b"\n")
    if await process.stdout.readline() != b"ready\n":
        raise RuntimeError("the open pages could not be connected; see the error above")
    return process


def _together(each: Sequence[Arrivals]) -> Arrivals:
    """For each ticket, add the numbers of pages, and take the last time."""
    found: Arrivals = {}
    for ticket, (count, last) in (item for arrivals in each for item in arrivals.items()):
        before, earlier = found.get(ticket, (0, last))
        found[ticket] = (before + count, max(earlier, last))
    return found
