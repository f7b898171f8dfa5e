"""The connection to MongoDB, by either driver: motor, or its successor, PyMongo's own AsyncMongoClient."""

import inspect
from typing import Any, Literal

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient
from pymongo.errors import (
    AutoReconnect,
    ConnectionFailure,
    ExecutionTimeout,
    NetworkTimeout,
    PyMongoError,
    ServerSelectionTimeoutError,
    WTimeoutError,
)

from common.domain.errors import DependencyUnavailable
from common.storage.batching_collection import GroupedCollection
from common.storage.collection import Collection, Database, Document
from common.storage.server_probe import RoundTrip

_PATIENCE_MS = 2000
_PING_SECONDS = 1.0
"""Whoever asks whether an instance is ready wants to know it now."""
_NO_ANSWER = "The database does not answer. Nothing is lost; try again shortly."

MongoDriver = Literal["motor", "pymongo"]


class Mongo:
    """A connection to one service's own database.

    Writes are acknowledged by a majority and journaled. An operation fails after 2 s without a connection or an
    answer, and after 4 s if it was tried again: without these bounds a stopped mongod would hang a request for good.
    Whoever waits behind it (common.storage.batcher) fails with it.

    Why not the drivers' one bound for everything, timeoutMS: it covers the making of a connection, too. An operation
    that has little time left then fails in the middle of it, which the drivers take for a failure of the server: they
    close all connections, and every operation that waits for a new one has less time left in its turn. After a mongod
    that had been silent for 6 s, instances did not find back to it for 20 s.

    Why no adaptive retries: when a connection cannot be made, PyMongo 4.20 would try the operation up to twice more, so
    that it took longer than 4 s; and a write then with a transaction number, whether the server takes one or not. A
    mongod that is no member of a read model set, as ours are, refuses that, which looks like a defect.
    """

    def __init__(self, url: str, database: str, driver: MongoDriver) -> None:
        options: dict[str, Any] = {
            "w": "majority",
            "journal": True,
            "retryWrites": True,
            "serverSelectionTimeoutMS": _PATIENCE_MS,
            "connectTimeoutMS": _PATIENCE_MS,
            "socketTimeoutMS": _PATIENCE_MS,
            "waitQueueTimeoutMS": _PATIENCE_MS,
            "heartbeatFrequencyMS": _PATIENCE_MS,
            "maxAdaptiveRetries": 0,
            "tz_aware": True,
        }
        client_type: Any = AsyncIOMotorClient if driver == "motor" else AsyncMongoClient
        self._client = client_type(url, **options)
        self.database: Database = _GroupedDatabase(self._client[database])
        self._round_trip = RoundTrip(self._ask)

    async def ping(self) -> None:
        """Raise DependencyUnavailable unless the server answers within a second."""
        if not await self._round_trip.comes_back(_PING_SECONDS):
            raise DependencyUnavailable(_NO_ANSWER)

    async def close(self) -> None:
        self._round_trip.forget()
        closing = self._client.close()
        if inspect.isawaitable(closing):  # motor closes at once, PyMongo's client is awaited
            await closing

    async def _ask(self) -> None:
        await self.database.command("ping")


class _GroupedDatabase:
    """Hands out one grouped collection a name: calls can only go together that meet."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._collections: dict[str, Collection] = {}

    def __getitem__(self, name: str, /) -> Collection:
        if name not in self._collections:
            self._collections[name] = GroupedCollection(self._database[name])
        return self._collections[name]

    async def command(self, command: str, /) -> Document:
        return await self._database.command(command)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the driver's other calls
        return getattr(self._database, name)


_UNAVAILABLE = (
    AutoReconnect,
    ConnectionFailure,
    ExecutionTimeout,
    NetworkTimeout,
    ServerSelectionTimeoutError,
    WTimeoutError,
)


def as_unavailable(error: BaseException) -> DependencyUnavailable | None:
    """What a driver's error means to the caller, if it means that MongoDB cannot be reached now."""
    if isinstance(error, _UNAVAILABLE) or (isinstance(error, PyMongoError) and error.timeout):
        return DependencyUnavailable(_NO_ANSWER)
    return None
