"""The function `eventually`, which tests call in order to wait until something has happened."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    look: Callable[[], Awaitable[T]], *, until: Callable[[T], bool] = bool, within: float = 10.0, what: str
) -> T:
    """Call `look` again and again until `until` returns True for the result. Return this result.

    If this does not happen within `within` seconds, fail with a message that contains `what` and the last result.
    """
    deadline = time.monotonic() + within
    while True:
        seen = await look()
        if until(seen):
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what}; last seen: {seen!r}")
        await asyncio.sleep(0.01)
