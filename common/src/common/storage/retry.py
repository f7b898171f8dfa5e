"""Running a use case again after a version conflict."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from common.domain.errors import VersionConflict

P = ParamSpec("P")
T = TypeVar("T")

_ATTEMPTS = 10


def retry_on_conflict(use_case: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Run the use case again, from its first read on, when another writer changed the aggregate after that read.

    Raises VersionConflict after the tenth attempt.
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
