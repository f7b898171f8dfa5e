"""Work that advances one database operation at a time: it can be left waiting before any of them, or die there."""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from devkit.testing.interception import Died, Operation

_current: ContextVar["Process | None"] = ContextVar("process", default=None)


class Then(StrEnum):
    WAITS = "waits"
    """Until somebody lets it go on: what others do meanwhile comes between two of its steps."""
    DIES = "dies"
    DIES_IN_IT = "dies in the last of them"
    """The operation was done; nobody hears of it."""


@dataclass(frozen=True)
class Fate:
    operations: int | None
    """How many are done now; None: all, to the end."""
    then: Then = Then.WAITS


TO_THE_END = Fate(None)


class Process:
    def __init__(self, what: str, work: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop) -> None:
        self.what = what
        self._loop = loop
        self._turn: asyncio.Future[bool] | None = None
        self._runs_freely = False
        self._task = loop.create_task(self._run(work))

    @property
    def has_ended(self) -> bool:
        return self._task.done()

    def advance(self, fate: Fate) -> None:
        """As far as its fate lets it."""
        self._loop.run_until_complete(self._until_it_waits())
        if fate.operations is None:
            self._runs_freely = True
            self._take_turn(dies=False)
            return
        for left in reversed(range(fate.operations)):
            self._take_turn(dies=fate.then is Then.DIES_IN_IT and left == 0)
        if fate.then is Then.DIES:
            self.abandon()

    def abandon(self) -> None:
        """It dies where it is."""
        self._turn = None
        self._task.cancel()
        self._loop.run_until_complete(self._until_it_waits())

    def outcome(self) -> BaseException | None:
        """What it raised, asked after its end. A death is Died."""
        if self._task.cancelled():
            return Died()
        return self._task.exception()

    async def _run(self, work: Coroutine[Any, Any, Any]) -> None:
        _current.set(self)
        await work

    def _take_turn(self, *, dies: bool) -> None:
        if self._turn is not None:
            self._turn.set_result(dies)
            self._turn = None
            self._loop.run_until_complete(self._until_it_waits())

    async def _until_it_waits(self) -> None:
        # Nothing here waits for the real world, so a few rounds of the loop lead to the next operation or to the end.
        while self._turn is None and not self._task.done():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0)

    async def _pass(self, operation: Operation) -> Any:
        if self._runs_freely:
            return await operation()
        turn = self._turn = self._loop.create_future()
        dies = await turn
        try:
            return await operation()
        finally:
            if dies:
                raise Died


async def in_turn(_name: str, operation: Operation) -> Any:
    """What each operation passes on its way to the database."""
    process = _current.get()
    return await (operation() if process is None else process._pass(operation))
