"""The connection to MongoDB, while mongod is silent and afterwards."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest
from pymongo.errors import PyMongoError

from common.collection import Collection
from common.errors import DependencyUnavailable
from common.mongo import Mongo, MongoDriver, as_unavailable
from common.servers import Mongod, free_port
from common.testing.eventually import eventually

_PEOPLE = 60


@pytest.fixture
async def mongod(tmp_path: Path) -> AsyncIterator[Mongod]:
    server = Mongod(tmp_path, free_port())
    await server.start()
    yield server
    await server.kill()


async def test_a_mongod_that_was_silent_under_load_is_found_again_at_once(mongod: Mongod, driver: MongoDriver) -> None:
    mongo = Mongo(mongod.url, "shop", driver)
    things = mongo.database["things"]
    over = asyncio.Event()

    async def somebody() -> None:
        while not over.is_set():
            with suppress(PyMongoError, TimeoutError, RuntimeError):  # as a request is bounded, and may end
                async with asyncio.timeout(4.5):
                    await things.find_one({"_id": 1})
                    await things.insert_one({"name": "thing"})

    await mongo.ping()
    people = [asyncio.create_task(somebody()) for _ in range(_PEOPLE)]
    try:
        mongod.pause()
        await _waits_in_vain(mongo, seconds=6)
        mongod.resume()
        await eventually(lambda: _answers(mongo), within=1.5, what="an answer from MongoDB")
    finally:
        mongod.resume()
        over.set()
        await asyncio.gather(*people)
        await mongo.close()


async def test_a_write_whose_connection_breaks_while_it_is_made_meets_an_unavailable_database(
    mongod: Mongod, driver: MongoDriver
) -> None:
    async with _BreaksConnections(mongod.port) as between:
        mongo = Mongo(f"mongodb://127.0.0.1:{between.port}/?directConnection=true", "shop", driver)
        things = mongo.database["things"]
        await mongo.ping()
        between.breaks_the_next = True
        outcomes: list[BaseException | None] = []
        while between.breaks_the_next:  # the first few may do with the connections that there are
            outcomes += await asyncio.gather(*(_count_up(things) for _ in range(10)))
        await mongo.close()
    failures = [outcome for outcome in outcomes if outcome is not None]
    assert [failure for failure in failures if not as_unavailable(failure)] == []


async def _count_up(things: Collection) -> PyMongoError | None:
    try:
        await things.update_one({"_id": 1}, {"$inc": {"count": 1}})
    except PyMongoError as error:
        return error
    return None


class _BreaksConnections:
    """Stands between a driver and mongod; when told to, it resets one connection as a starting mongod does."""

    def __init__(self, mongod_port: int) -> None:
        self._mongod_port = mongod_port
        self.port = free_port()
        self.breaks_the_next = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.breaks_the_next:
            self.breaks_the_next = False
            writer.transport.abort()
            return
        from_mongod, to_mongod = await asyncio.open_connection("127.0.0.1", self._mongod_port)
        await asyncio.gather(_pass_on(reader, to_mongod), _pass_on(from_mongod, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


async def _waits_in_vain(mongo: Mongo, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert not await _answers(mongo)


async def _answers(mongo: Mongo) -> bool:
    try:
        await mongo.ping()
    except DependencyUnavailable:
        return False
    return True
