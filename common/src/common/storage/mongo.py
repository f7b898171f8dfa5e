"""The connection to MongoDB.

The connection uses one of two drivers: motor, or its successor, which is the class AsyncMongoClient of PyMongo.
"""

import inspect
from typing import Any, Literal

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient

from common.domain.errors import DependencyUnavailable
from common.storage.availability import NO_ANSWER
from common.storage.collection import Database
from common.storage.server_probe import ServerProbe
from common.storage.uncancelled import UncancelledDatabase

_CONNECTION_MS = 2000
"""An operation waits for a server, a new connection or a free connection for at most this time."""
_ANSWER_MS = 1500
"""An operation that was sent waits for its answer for at most this time.

With a second attempt, an operation on a server that does not answer takes at most 3.5 s. This is shorter than the time
limit of a request (MAX_SECONDS in common.http.middleware).
"""
_PING_SECONDS = 1.0
"""A ping waits for an answer of MongoDB for at most this time.

A service sends the ping when Kubernetes or an operator asks if the service is ready. They expect a quick answer.
"""

MongoDriver = Literal["motor", "pymongo"]


class Mongo:
    """A connection to one service's own database.

    MongoDB acknowledges a write when a majority of its servers have stored the write in their journals. Reads see only
    such writes.

    If the driver gets no connection, an operation fails after 2 s. If the driver has sent an operation but gets no
    answer, the attempt fails after 1.5 s. After such an attempt, the driver tries many operations a second time. If the
    second attempt fails, too, the operation fails after at most 3.5 s in total. If the operation was a batch of several
    calls (see common.storage.batcher), the calls that are waiting for the next batch also fail.

    We do not use `timeoutMS`, which is a single timeout for the whole operation. This timeout also includes the time to
    make a new connection. If an operation has only little time left, it fails while the driver is still connecting. The
    driver then assumes that the server has failed, and closes all connections. So the other operations must wait for
    new connections, and then they also have little time left. We tested `timeoutMS` with a mongod that did not answer
    for 6 s. When this mongod answered again, the instances of the services needed another 20 s to recover.

    We do not use adaptive retries (`maxAdaptiveRetries`). If no connection can be made, PyMongo 4.20 would try an
    operation up to two more times. This would take longer than 3.5 s. PyMongo would also send each write with a
    transaction number, and a mongod that is not in a replica set refuses such a write.
    """

    def __init__(self, url: str, database: str, driver: MongoDriver) -> None:
        options: dict[str, Any] = {
            "w": "majority",
            # A primary that has lost the majority of the replica set still answers for some seconds. By default, it
            # also answers with writes that are undone later. With this setting, it answers only with writes that a
            # majority has stored, so no event is published or acknowledged because of a write that is undone.
            "readConcernLevel": "majority",
            "journal": True,
            "retryWrites": True,
            "serverSelectionTimeoutMS": _CONNECTION_MS,
            "connectTimeoutMS": _CONNECTION_MS,
            "socketTimeoutMS": _ANSWER_MS,
            "waitQueueTimeoutMS": _CONNECTION_MS,
            "heartbeatFrequencyMS": _CONNECTION_MS,
            "maxAdaptiveRetries": 0,
            "tz_aware": True,
            # With these two settings, the driver can read a date after the year 9999, and a text that is not valid
            # UTF-8. By default, it raises an error, and then all other documents of the same query are lost, too.
            "datetime_conversion": "DATETIME_AUTO",
            "unicode_decode_error_handler": "replace",
        }
        self._client: Any
        self.database: Database
        if driver == "motor":
            self._client = AsyncIOMotorClient(url, **options)
            self.database = self._client[database]
        else:
            self._client = AsyncMongoClient(url, **options)
            self.database = UncancelledDatabase(self._client, database)
        self._probe = ServerProbe(self._ask)

    async def ping(self) -> None:
        """Ask the server for an answer. Raise DependencyUnavailable if the server does not answer within one second."""
        if not await self._probe.answers(_PING_SECONDS):
            raise DependencyUnavailable(NO_ANSWER)

    async def close(self) -> None:
        self._probe.forget()
        closing = self._client.close()
        if inspect.isawaitable(closing):  # only PyMongo's client returns an awaitable
            await closing

    async def _ask(self) -> None:
        await self.database.command("ping")
