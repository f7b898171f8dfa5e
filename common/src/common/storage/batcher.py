"""Sends several calls to the database in one batch.

While one batch is being processed, new calls may arrive. They wait and form the next batch. This makes the service
faster, because fifty writes in one batch take MongoDB only a little longer than a single write.

If a worker is free, a call is sent immediately. It does not wait until other calls arrive.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

C = TypeVar("C")
R = TypeVar("R")

_WORKERS = 2
"""The number of batches that can be on their way to the database at the same time.

With only one worker, each call would have to wait until the previous batch is finished. With many workers, the batches
would be small.
"""
_LARGEST_BATCH = 500


class Batcher(Generic[C, R]):
    """Collects calls and passes them to the function `run_batch`.

    `run_batch` runs several calls together. For each call, it returns either a result or an error.

    If `run_batch` itself raises an error, the database cannot be reached. Then all calls of this batch fail with this
    error. The calls that are still waiting fail with the same error. Otherwise each following batch would have to wait
    for its own timeout.
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
