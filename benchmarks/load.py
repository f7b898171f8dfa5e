"""`python -m benchmarks.load`: a load generator, a process of its own so that it takes no turn of what it loads.

The parent writes the job, one line of JSON, and then the line that starts the clock; the outcome is one line of JSON.
Everything is encoded and every connection open before the clock starts.
"""

import asyncio
import itertools
import json
import sys
import time
from typing import Any

import uvloop

from benchmarks.client import Connection, encode

NO_ANSWER = 0
"""In the place of a status: the connection broke, or nothing came in time."""


async def _run(job: dict[str, Any]) -> dict[str, Any]:
    tokens = job["tokens"] or [""]
    requests = [
        encode(job["method"], job["path"], token, body.encode())
        for body, token in zip(job["bodies"], itertools.cycle(tokens), strict=False)
    ]
    connections = await asyncio.gather(*(Connection(job["port"]).open() for _ in range(job["connections"])))
    _say("ready")
    sys.stdin.readline()

    answers: list[tuple[float, float, int]] = [(0.0, 0.0, NO_ANSWER)] * len(requests)
    work = iter(range(len(requests)))
    rate = job["rate"]
    cpu, began = time.process_time(), time.monotonic()

    async def buyer(connection: Connection) -> None:
        for number in work:
            due = time.monotonic()
            if rate:
                # Open loop: the schedule does not wait for slow answers, and what waits for a connection waits on
                # the clock (no coordinated omission).
                due = began + number / rate
                await asyncio.sleep(due - time.monotonic())
            try:
                status, _ = await connection.ask(requests[number])
            except (OSError, EOFError, TimeoutError):
                status = NO_ANSWER
                connection.close()
            answers[number] = (due, time.monotonic(), status)

    await asyncio.gather(*map(buyer, connections))
    ended = time.monotonic()
    for connection in connections:
        connection.close()
    return {"began": began, "ended": ended, "cpu": time.process_time() - cpu, "answers": answers}


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    job = json.loads(sys.stdin.readline())
    _say(json.dumps(uvloop.run(_run(job))))
    sys.stdin.read()  # until the parent has read it all: asyncio drops what is left in the pipe of a child that ended


if __name__ == "__main__":
    main()
