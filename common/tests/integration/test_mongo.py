"""The connection to MongoDB, while mongod is silent and afterwards."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from pymongo.errors import PyMongoError

from common.errors import DependencyUnavailable
from common.mongo import Mongo, MongoDriver
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
