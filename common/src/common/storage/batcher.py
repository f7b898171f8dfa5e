"""Group commit: calls that come while others are on their way go together in the next.

A journaled round trip costs the database little more for fifty writes than for one. So nobody waits for company, which
would make the first one late: whoever finds a lane free goes at once, and who comes meanwhile travels together.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")

_LANES = 2
"""With a single one, each call would wait for the answer to the one before; with many, there would be no groups."""
_MOST = 500


class Grouped(Generic[Q, A]):
    """`together` takes several calls as one, and gives each its own answer, or its own error.

    What it raises, it raises to all of them, as one and the same exception, and to those who wait as well: the way is
    blocked, and nobody should wait for one attempt after the other to find that out.
    """

    def __init__(self, together: Callable[[Sequence[Q]], Awaitable[Sequence[A | BaseException]]]) -> None:
        self._together = together
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._free_lanes = _LANES
        self._at_work: set[asyncio.Task[None]] = set()

    async def ask(self, question: Q) -> A:
        """What `together` has for this call. Raises its error, or the one that they all met with."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._free_lanes:
            self._free_lanes -= 1
            lane = asyncio.create_task(self._go())
            self._at_work.add(lane)  # the event loop itself would let it be collected
            lane.add_done_callback(self._at_work.discard)
        return await answer

    async def _go(self) -> None:
        try:
            while self._waiting:
                # Whoever has stopped waiting (a request whose time is over) asks no more.
                group = [each for each in self._waiting[:_MOST] if not each[1].done()]
                del self._waiting[:_MOST]
                if group:
                    await self._ask_together(group)
        finally:
            self._free_lanes += 1

    async def _ask_together(self, group: list[tuple[Q, asyncio.Future[A]]]) -> None:
        try:
            outcomes = await self._together([question for question, _ in group])
            settled = list(zip(group, outcomes, strict=True))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is for those who wait
            settled = [(each, error) for each in (*group, *self._waiting)]
            self._waiting.clear()
        for (_, answer), outcome in settled:
            if answer.done():
                continue
            if isinstance(outcome, BaseException):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)
