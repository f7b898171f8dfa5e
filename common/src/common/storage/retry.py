"""Runs a use case again after a version conflict, which means that another request has changed the same aggregate."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from common.domain.errors import VersionConflict

P = ParamSpec("P")
T = TypeVar("T")

_ATTEMPTS = 10


def retry_on_conflict(use_case: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Make a function that calls `use_case`, and calls it again after a version conflict.

    A version conflict happens if another request has changed the aggregate after the use case had read it. The next
    attempt reads the aggregate again. If the tenth attempt also fails, the function raises VersionConflict.
    """

    @wraps(use_case)
    async def retrying(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(_ATTEMPTS - 1):
            try:
                return await use_case(*args, **kwargs)
            except VersionConflict:
                continue
        return await use_case(*args, **kwargs)

    return retrying
