"""Waits for an effect. Tests wait in no other way."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    look: Callable[[], Awaitable[T]], *, until: Callable[[T], bool] = bool, within: float = 10.0, what: str
) -> T:
    """Call `look` until its result satisfies `until`, and return it. Fails with `what` and the last result."""
    deadline = time.monotonic() + within
    while True:
        seen = await look()
        if until(seen):
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what}; last seen: {seen!r}")
        await asyncio.sleep(0.01)
