"""The connection to MongoDB while mongod is paused, after that, and while it refuses new connections."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Self

import pytest
from common.tests.passing_on import pass_on
from pymongo.errors import PyMongoError

from common.domain.errors import DependencyUnavailable
from common.domain.ids import new_id
from common.http.middleware import MAX_SECONDS
from common.storage.availability import as_unavailable
from common.storage.collection import Collection
from common.storage.mongo import Mongo, MongoDriver
from devkit.servers import Mongod, free_port
from devkit.testing.eventually import eventually

pytestmark = pytest.mark.both_drivers

_PEOPLE = 60


@pytest.fixture
async def mongod(tmp_path: Path) -> AsyncIterator[Mongod]:
    server = Mongod(tmp_path, free_port())
    await server.start()
    yield server
    await server.kill()


@pytest.mark.slow
async def test_a_mongod_that_was_paused_under_load_is_used_again_immediately(
    mongod: Mongod, driver: MongoDriver
) -> None:
    mongo = Mongo(mongod.url, "shop", driver)
    things = mongo.database["things"]
    over = asyncio.Event()

    async def somebody() -> None:
        while not over.is_set():
            with suppress(PyMongoError, TimeoutError):  # as a request that times out
                async with asyncio.timeout(MAX_SECONDS):
                    await things.find_one({"_id": 1})
                    await things.insert_one({"name": "thing"})

    await mongo.ping()
    people = [asyncio.create_task(somebody()) for _ in range(_PEOPLE)]
    try:
        mongod.pause()
        await _gets_no_answer(mongo, seconds=6)
        mongod.resume()
        await eventually(lambda: _answers(mongo), within=1.5, what="an answer from MongoDB")
    finally:
        mongod.resume()
        over.set()
        await asyncio.gather(*people)
        await mongo.close()


@pytest.mark.slow
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "in a batch"])
async def test_a_write_without_a_new_connection_fails_as_unavailable(
    mongod: Mongod, driver: MongoDriver, alone: bool
) -> None:
    """The first update uses the open connection, so later calls need a new one."""
    many = [_count_up if alone else _insert] * _PEOPLE
    done: Counter[object] = Counter()
    failures: list[PyMongoError] = []
    async with _RefusingConnections(mongod.port) as between, asyncio.timeout(20):
        while not failures:  # the refused connection may be one for the driver's own monitoring
            mongo = Mongo(f"mongodb://127.0.0.1:{between.port}", "shop", driver)
            things = mongo.database["things"]
            try:
                await things.update_one({"_id": "counter"}, {"$inc": {"count": 0}}, upsert=True)
                between.refuses_the_next = True
                writes = (_count_up, *many)
                outcomes = await asyncio.gather(*(_failure_of(write(things)) for write in writes))
                failures = [outcome for outcome in outcomes if outcome is not None]
                done.update(write for write, failure in zip(writes, outcomes, strict=True) if failure is None)
                (counter,) = await things.find({"_id": "counter"}).to_list(None)
                inserted = await things.count_documents({"_id": {"$ne": "counter"}})
            finally:
                await mongo.close()
    assert (counter["count"], inserted) == (done[_count_up], done[_insert]), "what failed was not done"
    assert [failure for failure in failures if not as_unavailable(failure)] == []


async def test_a_time_is_read_back_in_utc(mongod: Mongod, driver: MongoDriver) -> None:
    mongo = Mongo(mongod.url, "shop", driver)
    things = mongo.database["things"]
    noon_in_madrid = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    try:
        await things.insert_one({"_id": "deadline", "at": noon_in_madrid})
        found = await things.find_one({"_id": "deadline"})
    finally:
        await mongo.close()
    assert found is not None
    assert (found["at"].utcoffset(), found["at"].hour) == (timedelta(0), 10)


async def _count_up(things: Collection) -> None:
    await things.update_one({"_id": "counter"}, {"$inc": {"count": 1}})


async def _insert(things: Collection) -> None:
    await things.insert_one({"_id": new_id()})


async def _failure_of(write: Awaitable[object]) -> PyMongoError | None:
    try:
        await write
    except PyMongoError as error:
        return error
    return None


class _RefusingConnections:
    """A proxy between a driver and mongod. On request, it closes the next connection immediately."""

    def __init__(self, mongod_port: int) -> None:
        self._mongod_port = mongod_port
        self._connections: set[asyncio.Task[Any]] = set()
        self.port = free_port()
        self.refuses_the_next = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._pass_on_unless_refused(reader, writer))
        self._connections.add(connection)

    async def _pass_on_unless_refused(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses_the_next:
            self.refuses_the_next = False
            writer.close()
            return
        try:
            from_mongod, to_mongod = await asyncio.open_connection("127.0.0.1", self._mongod_port)
            await asyncio.gather(pass_on(reader, to_mongod), pass_on(from_mongod, writer))
        finally:
            writer.close()


async def _gets_no_answer(mongo: Mongo, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert not await _answers(mongo)


async def _answers(mongo: Mongo) -> bool:
    try:
        await mongo.ping()
    except DependencyUnavailable:
        return False
    return True
