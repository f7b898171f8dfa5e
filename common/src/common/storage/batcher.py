"""Sends several calls to the database together, in one batch.

This makes the service faster, because fifty writes in one batch take MongoDB only a little longer than a single write.

A worker is an asyncio task that sends one batch after the other. There are at most two workers. If fewer than two
workers are running when a call arrives, a new worker sends the call immediately. Otherwise the call waits until a
worker has finished its batch. Then the worker sends the waiting calls, at most 500, in its next batch.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

C = TypeVar("C")
R = TypeVar("R")

_WORKERS = 2
"""At most this number of workers run at the same time.

A worker is an asyncio task that sends one batch after the other. With only one worker, each call would have to wait
until the previous batch is finished. With many workers, the batches would be small, so they would save little time.
"""
_LARGEST_BATCH = 500


class Batcher(Generic[C, R]):
    """Collects calls and passes them to the function `run_batch`.

    `run_batch` runs several calls together. For each call, it returns either a result or an error.

    If the database cannot be reached, `run_batch` itself raises an error. Then all calls of this batch fail with this
    error. The calls that wait for the next batch also fail with this error. Otherwise the next batch would also have to
    wait until its timeout is over.
    """

    def __init__(self, run_batch: Callable[[Sequence[C]], Awaitable[Sequence[R | BaseException]]]) -> None:
        self._run_batch = run_batch
        self._waiting: list[tuple[C, asyncio.Future[R]]] = []
        self._free_workers = _WORKERS
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, call: C) -> R:
        """Run `call` in one of the next batches. Return the result of this call, or raise the error of this call."""
        result: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((call, result))
        if self._free_workers:
            self._free_workers -= 1
            worker = asyncio.create_task(self._work())
            self._tasks.add(worker)  # without this reference, Python could delete the running task
            worker.add_done_callback(self._tasks.discard)
        return await result

    async def _work(self) -> None:
        try:
            while self._waiting:
                # Leave out the calls whose caller was cancelled, for example because its request has timed out.
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
        except BaseException as error:  # noqa: BLE001 - the callers receive this error
            finished = [(each, error) for each in (*batch, *self._waiting)]
            self._waiting.clear()
        for (_, result), outcome in finished:
            if result.done():
                continue
            if isinstance(outcome, BaseException):
                result.set_exception(outcome)
            else:
                result.set_result(outcome)
