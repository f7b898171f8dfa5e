"""Processes that advance one database operation at a time. Each can pause or crash before or after any operation."""

import asyncio
from collections.abc import Awaitable
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from devkit.testing.interception import Died, Operation

_current: ContextVar["Process | None"] = ContextVar("process", default=None)


class Then(StrEnum):
    PAUSES = "pauses"
    """Until it is resumed: other processes may run between two of its operations."""
    CRASHES = "crashes"
    CRASHES_AFTER_LAST = "crashes after the last operation"
    """The database has executed the operation; its caller gets no answer."""


@dataclass(frozen=True)
class Schedule:
    operations: int | None
    """How many operations run now; None: all."""
    then: Then = Then.PAUSES


RUN_TO_END = Schedule(None)


class Process:
    def __init__(self, what: str, work: Awaitable[Any], loop: asyncio.AbstractEventLoop) -> None:
        self.what = what
        self._loop = loop
        self._turn: asyncio.Future[bool] | None = None
        self._runs_freely = False
        self._task = loop.create_task(self._run(work))

    @property
    def has_ended(self) -> bool:
        return self._task.done()

    def advance(self, schedule: Schedule) -> None:
        """Run the operations of the schedule, then pause or crash."""
        self._loop.run_until_complete(self._until_it_waits())
        if schedule.operations is None:
            self._runs_freely = True
            self._take_turn(crashes=False)
            return
        for left in reversed(range(schedule.operations)):
            self._take_turn(crashes=schedule.then is Then.CRASHES_AFTER_LAST and left == 0)
        if schedule.then is Then.CRASHES:
            self.abandon()

    def abandon(self) -> None:
        """Crash at the current operation."""
        self._turn = None
        self._task.cancel()
        self._loop.run_until_complete(self._until_it_waits())

    def outcome(self) -> BaseException | None:
        """Return the error that ended it, None if it succeeded; Died after a crash. Call it after the end."""
        if self._task.cancelled():
            return Died()
        return self._task.exception()

    async def _run(self, work: Awaitable[Any]) -> None:
        _current.set(self)
        await work

    def _take_turn(self, *, crashes: bool) -> None:
        if self._turn is not None:
            self._turn.set_result(crashes)
            self._turn = None
            self._loop.run_until_complete(self._until_it_waits())

    async def _until_it_waits(self) -> None:
        # Nothing here waits for real time, so a few rounds of the loop lead to the next operation or to the end.
        while self._turn is None and not self._task.done():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0)

    async def _pass(self, operation: Operation) -> Any:
        if self._runs_freely:
            return await operation()
        turn = self._turn = self._loop.create_future()
        crashes = await turn
        try:
            return await operation()
        finally:
            if crashes:
                raise Died


async def in_turn(_name: str, operation: Operation) -> Any:
    """Let each database operation wait for its turn in the schedule of its process."""
    process = _current.get()
    return await (operation() if process is None else process._pass(operation))
