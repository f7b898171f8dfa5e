"""`python -m benchmarks.load`: a load generator, in a process of its own so that it does not share an event loop.

The parent process writes the job (one line of JSON) and then a line that starts the measurement. The generator encodes
all requests and opens all connections before that line, and writes its outcome as one line of JSON.
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import uvloop

from benchmarks.client import Connection, encode

NO_ANSWER = 0
"""Stands for a status when the connection broke or the request timed out."""


class ClientConnection(Protocol):
    """The part of Connection that a simulated buyer uses."""

    async def ask(self, request: bytes) -> tuple[int, bytes]: ...
    def close(self) -> None: ...


async def _run(job: dict[str, Any]) -> dict[str, Any]:
    tokens = job["tokens"] or [""]
    requests = [
        encode(job["method"], job["path"], token, body.encode())
        for body, token in zip(job["bodies"], itertools.cycle(tokens), strict=False)
    ]
    connections = await asyncio.gather(*(Connection(job["port"]).open() for _ in range(job["connections"])))
    say("ready")
    sys.stdin.readline()

    cpu, began = time.process_time(), time.monotonic()
    answers = await ask_all(requests, connections, job["rate"])
    ended = time.monotonic()
    for connection in connections:
        connection.close()
    return {"began": began, "ended": ended, "cpu": time.process_time() - cpu, "answers": answers}


async def ask_all(
    requests: Sequence[bytes],
    connections: Sequence[ClientConnection],
    rate: float | None = None,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> list[tuple[float, float, int]]:
    """Send all requests; return for each, in order, its scheduled time, its answer time and its status."""
    answers: list[tuple[float, float, int]] = [(0.0, 0.0, NO_ANSWER)] * len(requests)
    work = iter(range(len(requests)))
    began = now()

    async def buyer(connection: ClientConnection) -> None:
        for number in work:
            due = now()
            if rate:
                # Open loop: the schedule does not wait for slow answers, and the time that a request waits for a free
                # connection counts (no coordinated omission).
                due = began + number / rate
                await sleep(due - now())
            try:
                status, _ = await connection.ask(requests[number])
            except (OSError, EOFError, TimeoutError):
                status = NO_ANSWER
                connection.close()
            answers[number] = (due, now(), status)

    await asyncio.gather(*map(buyer, connections))
    return answers


def say(line: str) -> None:
    # Not sys.stdout: with PYTHONUNBUFFERED, it loses the rest of a long line after a partial write.
    with open(sys.stdout.fileno(), "w", closefd=False) as parent:
        parent.write(line + "\n")


def main() -> None:
    job = json.loads(sys.stdin.readline())
    say(json.dumps(uvloop.run(_run(job))))


if __name__ == "__main__":
    main()
