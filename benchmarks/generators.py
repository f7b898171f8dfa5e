"""The parent's side of the load generators: share the requests out, start all at once, put the answers together."""

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
    """When it was to be sent, on the clock of time.monotonic, which all processes of a machine share."""
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
    """The share of its time that the busiest generator computed: near 1 would mean that it was the limit itself."""
    answers: list[Answer]
    """In the order of the bodies."""

    @property
    def statuses(self) -> Counter[int]:
        return Counter(answer.status for answer in self.answers)

    def require(self, status: int) -> None:
        """Raise unless every request was answered so: a fast refusal is no order."""
        if set(self.statuses) != {status}:
            raise RuntimeError(f"all answers were to be {status}, and are {dict(self.statuses)}; {NO_ANSWER}: none")


@dataclass(frozen=True)
class Load:
    port: int
    method: str
    path: str
    bodies: Sequence[str]
    tokens: Sequence[str] = ()
    connections: int = 64
    rate: float | None = None
    """Requests a second, evenly spread; None: each connection asks again as soon as it is answered."""
    processes: int = 1

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
        """The job of one of the processes: every so-manieth request, so that all of them begin with the first ones."""
        return {
            "port": self.port,
            "method": self.method,
            "path": self.path,
            "bodies": self.bodies[number :: self.processes],
            "tokens": list(self.tokens),
            "connections": max(1, self.connections // self.processes),
            "rate": self.rate / self.processes if self.rate else None,
        }

    async def _generator(self, number: int) -> Any:  # noqa: ANN401 - a Process whose pipes are there
        """One that has opened its connections and waits for the start."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.load"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
        )
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - they are pipes
        process.stdin.write(json.dumps(self.share(number)).encode() + b"\n")
        if await process.stdout.readline() != b"ready\n":
            raise RuntimeError("a load generator did not start; its error stands above")
        return process


async def _outcome(process: Any) -> Any:  # noqa: ANN401 - the generator's JSON
    line = await process.stdout.readline()
    if await process.wait() != 0:
        raise RuntimeError("a load generator failed; its error stands above")
    return json.loads(line)
