"""An event loop that does not really wait. It is for tests of code that repeats something every few seconds.

Such a test can only use fakes and databases in memory, because a real server needs real time to answer.
"""

import asyncio
import selectors
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")


class _SkippingSelector(selectors.SelectSelector):
    """Skips the time until the next timer of the event loop.

    When no task can run, the event loop calls `select`. The argument `timeout` is the time until the next timer is due.
    This class does not wait for this time, but adds it to `seconds`. The loop uses `seconds` as its clock, so it then
    runs the timer immediately.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready:
            self.seconds += max(timeout, 0)
        return ready


class _SkippingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._skipping = _SkippingSelector()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.seconds


def run_without_waiting(story: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine in a new event loop, and return its result.

    The time of this loop starts at 0 and jumps from one timer to the next timer.
    """
    with asyncio.Runner(loop_factory=_SkippingLoop) as runner:
        return runner.run(story)


def seconds_passed() -> float:
    """Return how many seconds have passed since the running event loop was created. Skipped seconds also count."""
    return asyncio.get_running_loop().time()


async def let_pass(seconds: float) -> None:
    """Wait until the clock of the loop has advanced by `seconds`. All timers that are due earlier run first."""
    await asyncio.sleep(seconds)


@asynccontextmanager
async def in_background(loop: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run the endless coroutine `loop` while the test runs. Fail if the coroutine ends before the test."""
    task = asyncio.create_task(loop)
    try:
        yield
        if task.done():
            raise AssertionError(f"the loop has ended: {task.exception()!r}")
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task
