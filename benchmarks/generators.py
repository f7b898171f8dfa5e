"""Runs the load generators, which are separate processes that send the requests of a measurement.

The class Load distributes the requests to the processes, starts all processes at the same time, and collects the
answers.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.load import NO_ANSWER

_LONGEST_SECONDS = 240.0
_LONGEST_LINE = 2**27


@dataclass(frozen=True)
class Answer:
    due: float
    """The time at which the request was due to be sent, measured with time.monotonic().

    All processes of a machine use the same monotonic clock, so we can compare the times of different processes.
    """
    done: float
    status: int

    @property
    def seconds(self) -> float:
        return self.done - self.due


@dataclass(frozen=True)
class Outcome:
    began: float
    ended: float
    busy: float
    """The share of one CPU core that the busiest load generator used, from 0 to 1.

    If this number is near 1, the load generator was too slow, so we did not measure the speed of the server.
    """
    answers: list[Answer]
    """One answer per request. The answers are in the order of `Load.bodies`, the bodies of the requests."""

    @property
    def statuses(self) -> Counter[int]:
        return Counter(answer.status for answer in self.answers)

    def require(self, status: int) -> None:
        """Raise RuntimeError if an answer has another status than `status`.

        A service refuses an order faster than it accepts one. So refused orders would make the result look better.
        """
        if set(self.statuses) != {status}:
            found = dict(self.statuses)
            raise RuntimeError(f"expected only answers {status}, got {found} ({NO_ANSWER} means no answer)")


@dataclass(frozen=True)
class Load:
    port: int
    method: str
    path: str | Sequence[str]
    """The path of all requests, or one path for each request."""
    bodies: Sequence[str]
    tokens: Sequence[str] = ()
    connections: int = 64
    rate: float | None = None
    """The number of requests per second. The requests are evenly distributed over time.

    If `rate` is None, each connection sends its next request as soon as it has the answer to its previous request.
    """
    processes: int = 1
    headers: Sequence[str] = ()
    """Whole lines that every request has, such as "Accept: text/html"."""

    async def run(self) -> Outcome:
        async with asyncio.timeout(_LONGEST_SECONDS):
            generators = await asyncio.gather(*map(self._generator, range(self.processes)))
            for process in generators:
                process.stdin.write(b"go\n")
            outcomes = await asyncio.gather(*map(_outcome, generators))
        answers: list[Any] = [None] * len(self.bodies)
        for number, outcome in enumerate(outcomes):
            answers[number :: self.processes] = [Answer(*each) for each in outcome["answers"]]
        return Outcome(
            began=min(outcome["began"] for outcome in outcomes),
            ended=max(outcome["ended"] for outcome in outcomes),
            busy=max(outcome["cpu"] / max(1e-9, outcome["ended"] - outcome["began"]) for outcome in outcomes),
            answers=answers,
        )

    def share(self, number: int) -> dict[str, Any]:
        """Return the job (what to send, and how fast) of the load generator process with this number.

        If there are n processes, each process gets every n-th request. So the processes together send the requests in
        about the given order.
        """
        return {
            "port": self.port,
            "method": self.method,
            "paths": [self.path] if isinstance(self.path, str) else list(self.path[number :: self.processes]),
            "headers": list(self.headers),
            "bodies": self.bodies[number :: self.processes],
            "tokens": list(self.tokens),
            "connections": max(1, self.connections // self.processes),
            "rate": self.rate / self.processes if self.rate else None,
        }

    async def _generator(self, number: int) -> Any:  # noqa: ANN401 - a Process with pipes
        """Start a load generator, and wait until its connections are open. Return its process.

        The load generator then waits for one more line of input before it sends its requests. So all load generators
        can start at the same time.
        """
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.load"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
        )
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - they are pipes
        process.stdin.write(json.dumps(self.share(number)).encode() + b"\n")
        if await process.stdout.readline() != b"ready\n":
            raise RuntimeError("a load generator did not start; see its error above")
        return process


async def _outcome(process: Any) -> Any:  # noqa: ANN401 - the generator's JSON
    line = await process.stdout.readline()
    if await process.wait() != 0:
        raise RuntimeError("a load generator failed; see its error above")
    return json.loads(line)
