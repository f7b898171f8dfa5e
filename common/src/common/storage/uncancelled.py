"""Lets each operation of PyMongo's asynchronous client run to its end, even if its caller is cancelled.

A caller is cancelled when the time limit of its request is over, for example. If PyMongo 4.20 is cancelled on Python
3.11 while it waits for a free connection, it can lose track of the lock of its connection pool. Then no operation of
this process ever ends again. The reason is asyncio.wait_for, which before Python 3.12 runs in a task of its own what
PyMongo waits for. If it is cancelled twice, it does not wait for the end of this task, which then takes the lock.

The driver's timeouts (see mongo.py) still end each operation. motor needs no such protection, because it runs its
operations in threads, and a thread that has begun an operation cannot be cancelled.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from common.storage.collection import Collection, Cursor, Database, Document, WriteResult

T = TypeVar("T")


class _Operations:
    """Runs operations in tasks of their own."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()  # without these references, Python could delete a running task

    async def run(self, operation: Coroutine[Any, Any, T]) -> T:
        """Wait for the result of the operation. If this wait is cancelled, the operation still continues."""
        task = asyncio.create_task(operation)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)


class UncancelledDatabase:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._operations = _Operations()

    def __getitem__(self, name: str, /) -> Collection:
        return _UncancelledCollection(self._database[name], self._operations)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - what only tests call is not protected
        return getattr(self._database, name)

    async def command(self, command: str, /) -> Document:
        return await self._operations.run(self._database.command(command))


class _UncancelledCollection:
    def __init__(self, collection: Collection, operations: _Operations) -> None:
        self._collection = collection
        self._operations = operations

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - what only tests call is not protected
        return getattr(self._collection, name)

    @property
    def name(self) -> str:
        return self._collection.name

    async def find_one(self, filter: Document, projection: Document | None = None, /) -> Document | None:  # noqa: A002
        return await self._operations.run(self._collection.find_one(filter, projection))

    def find(self, filter: Document, /, *args: Any, **kwargs: Any) -> Cursor:  # noqa: A002, ANN401 - the same as in the drivers
        return _UncancelledCursor(self._collection.find(filter, *args, **kwargs), self._operations)

    async def insert_one(self, document: Document, /) -> object:
        return await self._operations.run(self._collection.insert_one(document))

    async def update_one(self, filter: Document, update: Document, /, *, upsert: bool = False) -> WriteResult:  # noqa: A002
        return await self._operations.run(self._collection.update_one(filter, update, upsert=upsert))

    async def bulk_write(self, requests: list[Any], /, *, ordered: bool = True) -> Any:  # noqa: ANN401 - the same as in the drivers
        return await self._operations.run(self._collection.bulk_write(requests, ordered=ordered))

    async def create_index(self, keys: Any, /, **kwargs: Any) -> str:  # noqa: ANN401 - the same as in the drivers
        return await self._operations.run(self._collection.create_index(keys, **kwargs))

    async def count_documents(self, filter: Document, /) -> int:  # noqa: A002
        return await self._operations.run(self._collection.count_documents(filter))


class _UncancelledCursor:
    def __init__(self, cursor: Cursor, operations: _Operations) -> None:
        self._cursor = cursor
        self._operations = operations

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - what only tests call is not protected
        return getattr(self._cursor, name)

    def sort(self, *key_or_list: Any) -> Cursor:  # noqa: ANN401 - the same as in the drivers
        return _UncancelledCursor(self._cursor.sort(*key_or_list), self._operations)

    def limit(self, limit: int, /) -> Cursor:
        return _UncancelledCursor(self._cursor.limit(limit), self._operations)

    async def to_list(self, length: int | None = None) -> list[Document]:
        return await self._operations.run(self._cursor.to_list(length))
