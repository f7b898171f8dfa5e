"""The connection to MongoDB, by one of two drivers: motor, or its successor, PyMongo's AsyncMongoClient."""

import inspect
from typing import Any, Literal

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient

from common.domain.errors import DependencyUnavailable
from common.storage.availability import NO_ANSWER
from common.storage.collection import Database
from common.storage.server_probe import ServerProbe

_TIMEOUT_MS = 2000
_PING_SECONDS = 1.0
"""Kubernetes and operators ask whether the service is ready, and expect a quick answer."""

MongoDriver = Literal["motor", "pymongo"]


class Mongo:
    """A connection to one service's own database.

    A write is acknowledged when a majority of the servers has it in the journal. An operation fails after 2 s without
    a connection or an answer, and after 4 s if the driver tried it twice. The calls that wait behind it in a batch
    (common.storage.batcher) fail with it.

    Why not `timeoutMS`, the drivers' one timeout for everything: it also covers the making of a connection. An
    operation with little time left then fails while it connects, and the drivers take that for a failure of the server.
    They close all connections, and every operation that waits for a new one has less time left. After a mongod had
    been silent for 6 s, instances needed 20 s to use it again.

    Why no adaptive retries: if no connection can be made, PyMongo 4.20 would try an operation up to twice more. That
    takes longer than 4 s, and it sends a write with a transaction number, which a standalone mongod refuses.
    """

    def __init__(self, url: str, database: str, driver: MongoDriver) -> None:
        options: dict[str, Any] = {
            "w": "majority",
            "journal": True,
            "retryWrites": True,
            "serverSelectionTimeoutMS": _TIMEOUT_MS,
            "connectTimeoutMS": _TIMEOUT_MS,
            "socketTimeoutMS": _TIMEOUT_MS,
            "waitQueueTimeoutMS": _TIMEOUT_MS,
            "heartbeatFrequencyMS": _TIMEOUT_MS,
            "maxAdaptiveRetries": 0,
            "tz_aware": True,
        }
        client_type: Any = AsyncIOMotorClient if driver == "motor" else AsyncMongoClient
        self._client = client_type(url, **options)
        self.database: Database = self._client[database]
        self._probe = ServerProbe(self._ask)

    async def ping(self) -> None:
        """Raise DependencyUnavailable unless the server answers within a second."""
        if not await self._probe.answers(_PING_SECONDS):
            raise DependencyUnavailable(NO_ANSWER)

    async def close(self) -> None:
        self._probe.forget()
        closing = self._client.close()
        if inspect.isawaitable(closing):  # motor closes at once; PyMongo's client has to be awaited
            await closing

    async def _ask(self) -> None:
        await self.database.command("ping")
