"""Runs calls in batches: calls that arrive while a batch is on its way to the database form the next batch.

A journaled round trip costs MongoDB little more for fifty writes than for one. A call never waits for others to
arrive: if a worker is free, the call is sent at once, alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

C = TypeVar("C")
R = TypeVar("R")

_WORKERS = 2
"""With one worker, each call would wait for the batch before it. With many, batches would stay small."""
_LARGEST_BATCH = 500


class Batcher(Generic[C, R]):
    """`run_batch` runs several calls at once and returns one result, or one error, for each call.

    If `run_batch` itself raises, the database cannot be reached: all calls of the batch, and all that wait, fail with
    this one error. Otherwise each batch would have to find out for itself, one timeout after the other.
    """

    def __init__(self, run_batch: Callable[[Sequence[C]], Awaitable[Sequence[R | BaseException]]]) -> None:
        self._run_batch = run_batch
        self._waiting: list[tuple[C, asyncio.Future[R]]] = []
        self._free_workers = _WORKERS
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, call: C) -> R:
        """Return the result of this call, or raise its error."""
        result: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((call, result))
        if self._free_workers:
            self._free_workers -= 1
            worker = asyncio.create_task(self._work())
            self._tasks.add(worker)  # the event loop keeps only a weak reference
            worker.add_done_callback(self._tasks.discard)
        return await result

    async def _work(self) -> None:
        try:
            while self._waiting:
                # A cancelled caller, such as a request that timed out, no longer waits for its result.
                batch = [each for each in self._waiting[:_LARGEST_BATCH] if not each[1].done()]
                del self._waiting[:_LARGEST_BATCH]
                if batch:
                    await self._run(batch)
        finally:
            self._free_workers += 1

    async def _run(self, batch: list[tuple[C, asyncio.Future[R]]]) -> None:
        try:
            outcomes = await self._run_batch([call for call, _ in batch])
            finished = list(zip(batch, outcomes, strict=True))
        except BaseException as error:  # noqa: BLE001 - the callers receive it
            finished = [(each, error) for each in (*batch, *self._waiting)]
            self._waiting.clear()
        for (_, result), outcome in finished:
            if result.done():
                continue
            if isinstance(outcome, BaseException):
                result.set_exception(outcome)
            else:
                result.set_result(outcome)
