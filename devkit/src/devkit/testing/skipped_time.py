"""An event loop that skips waiting, for tests of code that repeats something every few seconds.

Only for code on fakes and databases in memory: a real server needs real time to answer.
"""

import asyncio
import selectors
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")


class _SkippingSelector(selectors.SelectSelector):
    """When nothing is ready, adds the time that the loop would have waited to its clock."""

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
    """Run the coroutine on a loop of its own, whose time starts at 0 and jumps from one timer to the next."""
    with asyncio.Runner(loop_factory=_SkippingLoop) as runner:
        return runner.run(story)


def seconds_passed() -> float:
    """The time of the running loop."""
    return asyncio.get_running_loop().time()


async def let_pass(seconds: float) -> None:
    """Return after this much skipped time, when everything that was due before has run."""
    await asyncio.sleep(seconds)


@asynccontextmanager
async def in_background(loop: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run an endless loop while the test runs. Fails if the loop ends by itself."""
    task = asyncio.create_task(loop)
    try:
        yield
        if task.done():
            raise AssertionError(f"the loop has ended: {task.exception()!r}")
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task
