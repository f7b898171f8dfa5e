"""`python -m benchmarks.load`: a load generator.

The load generator runs in its own process, so that no other code can delay its event loop. First, the parent process
(benchmarks.generators) sends the job, as one line of JSON. Then the load generator encodes all requests, opens all
connections, and writes the line "ready". The measurement starts when the parent process sends a second line. At the
end, the load generator writes its results as one line of JSON.
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
"""We use this number instead of an HTTP status if the connection broke, or if there was no answer in time."""


class ClientConnection(Protocol):
    """The methods of Connection that a simulated buyer calls. In a test, a fake class has the same methods."""

    async def ask(self, request: bytes) -> tuple[int, bytes]: ...
    def close(self) -> None: ...


async def _run(job: dict[str, Any]) -> dict[str, Any]:
    tokens, paths = itertools.cycle(job["tokens"] or [""]), itertools.cycle(job["paths"])
    requests = [
        encode(job["method"], path, token, body.encode(), job["headers"])
        for body, path, token in zip(job["bodies"], paths, tokens, strict=False)
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
    """Send all requests, and wait for their answers.

    Return for each request, in the order of the requests, the time at which it was due to be sent, the time of its
    answer, and the status of its answer.
    """
    answers: list[tuple[float, float, int]] = [(0.0, 0.0, NO_ANSWER)] * len(requests)
    work = iter(range(len(requests)))
    began = now()

    async def buyer(connection: ClientConnection) -> None:
        for number in work:
            due = now()
            if rate:
                # Each request has a fixed time at which it is due, even if earlier answers are slow. If the request is
                # sent late because no connection is free, we count its waiting time as response time. Otherwise a slow
                # server would look better than it is. This mistake in measurements is known as coordinated omission.
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
    # The operating system may accept only the first part of a long line. A file with a buffer then also writes the
    # rest. We do not use sys.stdout, because it has no buffer if PYTHONUNBUFFERED is set.
    with open(sys.stdout.fileno(), "w", closefd=False) as parent:
        parent.write(line + "\n")


def main() -> None:
    job = json.loads(sys.stdin.readline())
    say(json.dumps(uvloop.run(_run(job))))


if __name__ == "__main__":
    main()
