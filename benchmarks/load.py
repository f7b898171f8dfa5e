"""`python -m benchmarks.load`: a load generator, a process of its own so that it takes no turn of what it loads.

The parent writes the job, one line of JSON, and then the line that starts the clock; the outcome is one line of JSON.
Everything is encoded and every connection open before the clock starts.
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
"""In the place of a status: the connection broke, or nothing came in time."""


class Asked(Protocol):
    """What a buyer needs of a connection."""

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
    connections: Sequence[Asked],
    rate: float | None = None,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> list[tuple[float, float, int]]:
    """When each was due, when it was answered, and how; in their order."""
    answers: list[tuple[float, float, int]] = [(0.0, 0.0, NO_ANSWER)] * len(requests)
    work = iter(range(len(requests)))
    began = now()

    async def buyer(connection: Asked) -> None:
        for number in work:
            due = now()
            if rate:
                # Open loop: the schedule does not wait for slow answers, and what waits for a connection waits on
                # the clock (no coordinated omission).
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
    # Not sys.stdout: with PYTHONUNBUFFERED it forgets the rest of a long line if the system takes a part of it.
    with open(sys.stdout.fileno(), "w", closefd=False) as parent:
        parent.write(line + "\n")


def main() -> None:
    job = json.loads(sys.stdin.readline())
    say(json.dumps(uvloop.run(_run(job))))


if __name__ == "__main__":
    main()
