"""Passes every database operation of a service through a function of the test, which may end the process there."""

from collections.abc import Awaitable, Callable
from typing import Any

Operation = Callable[[], Awaitable[Any]]
Around = Callable[[str, Operation], Awaitable[Any]]
"""Receives the operation's name and the operation. It runs the operation or not, and may raise before or after it."""

WRITES = frozenset({"insert_one", "update_one", "find_one_and_update", "bulk_write"})
_READS = frozenset({"find_one", "count_documents"})


class Died(BaseException):
    """The process dies, at a moment that the test chose. Not an Exception, so no code of the product catches it."""


class InterceptedCollection:
    """Wraps a collection: its reads and writes run through `around`, all other calls pass through."""

    def __init__(self, collection: Any, around: Around) -> None:  # noqa: ANN401 - of any driver, and the mock's
        self._collection = collection
        self._around = around

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any attribute of the driver's collection
        found = getattr(self._collection, name)
        if name in WRITES | _READS:
            return lambda *args, **kwargs: self._around(name, lambda: found(*args, **kwargs))
        return found

    def find(self, *args: Any, **kwargs: Any) -> "_InterceptedCursor":  # noqa: ANN401 - as the drivers declare it
        return _InterceptedCursor(self._collection.find(*args, **kwargs), self._around)


class _InterceptedCursor:
    """Runs the query, and so calls the function of the test, in to_list."""

    def __init__(self, cursor: Any, around: Around) -> None:  # noqa: ANN401 - see above
        self._cursor = cursor
        self._around = around

    def sort(self, *args: Any) -> "_InterceptedCursor":  # noqa: ANN401 - see above
        self._cursor = self._cursor.sort(*args)
        return self

    def limit(self, limit: int) -> "_InterceptedCursor":
        self._cursor = self._cursor.limit(limit)
        return self

    async def to_list(self, length: int | None = None) -> Any:  # noqa: ANN401 - see above
        return await self._around("find", lambda: self._cursor.to_list(length))
