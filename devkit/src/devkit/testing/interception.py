"""Standing between a service and its database: every operation passes a function of the test, which may let it die."""

from collections.abc import Awaitable, Callable
from typing import Any

Operation = Callable[[], Awaitable[Any]]
Around = Callable[[str, Operation], Awaitable[Any]]
"""Given the operation's name, runs it; or does not, or raises before or after it."""

WRITES = frozenset({"insert_one", "update_one", "find_one_and_update", "bulk_write"})
_READS = frozenset({"find_one", "count_documents"})


class Died(BaseException):
    """The process, at a moment chosen by the test. No Exception: nothing in the product survives it."""


class InterceptedCollection:
    def __init__(self, collection: Any, around: Around) -> None:  # noqa: ANN401 - of any driver, and the mock's
        self._collection = collection
        self._around = around

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the driver offers
        found = getattr(self._collection, name)
        if name in WRITES | _READS:
            return lambda *args, **kwargs: self._around(name, lambda: found(*args, **kwargs))
        return found

    def find(self, *args: Any, **kwargs: Any) -> "_InterceptedCursor":  # noqa: ANN401 - as the drivers declare it
        return _InterceptedCursor(self._collection.find(*args, **kwargs), self._around)


class _InterceptedCursor:
    """The query is run by to_list."""

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
