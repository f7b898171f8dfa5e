"""With this module, a test can intercept the database operations of a service.

When the service calls an operation of an InterceptedCollection, the collection calls a function of the test. This
function can run the operation. The function can also raise `Died` before or after the operation, as if the process
died at this moment.
"""

from collections.abc import Awaitable, Callable
from typing import Any

Operation = Callable[[], Awaitable[Any]]
Around = Callable[[str, Operation], Awaitable[Any]]
"""The type of a function with which a test intercepts database operations.

Its arguments are the name of the operation and the operation itself. The function decides if it runs the operation. It
may raise an error before the operation or after it.
"""

WRITES = frozenset({"insert_one", "update_one", "find_one_and_update", "bulk_write"})
_READS = frozenset({"find_one", "count_documents"})


class Died(BaseException):
    """Simulates that the process dies at a moment that the test has chosen.

    This class is not a subclass of Exception, so that `except Exception` in our services does not catch this error.
    """


class InterceptedCollection:
    """Wraps a collection of a database.

    For `find` and for the operations in WRITES and _READS, this class calls `around`, which is a function of the test.
    All other calls go directly to the wrapped collection.
    """

    def __init__(self, collection: Any, around: Around) -> None:  # noqa: ANN401 - the drivers have different types
        self._collection = collection
        self._around = around

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any attribute of the wrapped collection
        found = getattr(self._collection, name)
        if name in WRITES | _READS:
            return lambda *args, **kwargs: self._around(name, lambda: found(*args, **kwargs))
        return found

    def find(self, *args: Any, **kwargs: Any) -> "_InterceptedCursor":  # noqa: ANN401 - the drivers also declare Any
        return _InterceptedCursor(self._collection.find(*args, **kwargs), self._around)


class _InterceptedCursor:
    """Wraps the cursor that `find` returns.

    `find`, `sort` and `limit` only prepare the query. `to_list` sends it to MongoDB. So only `to_list` calls `around`,
    the function with which the test intercepts the query.
    """

    def __init__(self, cursor: Any, around: Around) -> None:  # noqa: ANN401 - the drivers have different types
        self._cursor = cursor
        self._around = around

    def sort(self, *args: Any) -> "_InterceptedCursor":  # noqa: ANN401 - the drivers accept different types
        self._cursor = self._cursor.sort(*args)
        return self

    def limit(self, limit: int) -> "_InterceptedCursor":
        self._cursor = self._cursor.limit(limit)
        return self

    async def to_list(self, length: int | None = None) -> Any:  # noqa: ANN401 - the result of any query
        return await self._around("find", lambda: self._cursor.to_list(length))
