"""Lets each operation of PyMongo's asynchronous client run to its end, even if its caller is cancelled.

A caller is cancelled when the time limit of its request is over, for example. If PyMongo 4.20 is cancelled on Python
3.11 while it waits for a free connection, it can lose track of the lock of its connection pool. Then no operation of
this process ever ends again. The reason is asyncio.wait_for. Before Python 3.12, it starts a task for what PyMongo
waits for. If it is cancelled twice, it does not wait for the end of this task, which then takes the lock.

The driver's timeouts (see mongo.py) still end each operation. motor needs no such protection, because it runs its
operations in threads, and a thread that has begun an operation cannot be cancelled.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.asynchronous.database import AsyncDatabase

from common.storage.collection import Document

T = TypeVar("T")

_running: set[asyncio.Task[Any]] = set()
"""All running operations. Without these references, Python could delete a running task."""


async def _to_the_end(operation: Coroutine[Any, Any, T]) -> T:
    """Wait for the result of the operation. If this wait is cancelled, the operation still continues."""
    task = asyncio.create_task(operation)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return await asyncio.shield(task)


# ruff: noqa: ANN401 - the parameters and results are those of PyMongo


class UncancelledDatabase(AsyncDatabase[Document]):
    """A database of PyMongo's client. It protects the methods that common.storage.collection lists."""

    def __getitem__(self, name: str) -> "_UncancelledCollection":
        return _UncancelledCollection(self, name)

    async def command(self, *args: Any, **kwargs: Any) -> Any:
        return await _to_the_end(super().command(*args, **kwargs))


class _UncancelledCollection(AsyncCollection[Document]):
    def find(self, *args: Any, **kwargs: Any) -> "_UncancelledCursor":
        return _UncancelledCursor(self, *args, **kwargs)

    async def find_one(self, *args: Any, **kwargs: Any) -> Any:
        return await _to_the_end(super().find_one(*args, **kwargs))

    async def insert_one(self, *args: Any, **kwargs: Any) -> Any:
        return await _to_the_end(super().insert_one(*args, **kwargs))

    async def update_one(self, *args: Any, **kwargs: Any) -> Any:
        return await _to_the_end(super().update_one(*args, **kwargs))

    async def bulk_write(self, *args: Any, **kwargs: Any) -> Any:
        return await _to_the_end(super().bulk_write(*args, **kwargs))

    async def create_index(self, *args: Any, **kwargs: Any) -> Any:
        return await _to_the_end(super().create_index(*args, **kwargs))

    async def count_documents(self, *args: Any, **kwargs: Any) -> Any:
        return await _to_the_end(super().count_documents(*args, **kwargs))


class _UncancelledCursor(AsyncCursor[Document]):
    async def to_list(self, *args: Any, **kwargs: Any) -> list[Document]:
        return await _to_the_end(super().to_list(*args, **kwargs))
