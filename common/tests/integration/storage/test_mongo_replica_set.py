"""Writes to a replica set, as in production, while its primary fails."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from common.storage.mongo import Mongo, MongoDriver
from devkit.servers import Mongod, free_port
from devkit.testing.eventually import eventually

pytestmark = [pytest.mark.slow, pytest.mark.both_drivers]

_SHUTDOWN_IN_PROGRESS = 91


class Primary(Mongod):
    """The only member of a replica set. It fails at commands, as the test asks."""

    @property
    def url(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/?replicaSet=rs"

    def command(self) -> list[str]:
        return [*super().command(), "--replSet", "rs", "--setParameter", "enableTestCommands=1"]

    async def initiate(self) -> None:
        await self._ask("replSetInitiate", {"_id": "rs", "members": [{"_id": 0, "host": f"127.0.0.1:{self.port}"}]})
        await eventually(lambda: self._ask("hello"), until=lambda seen: seen["isWritablePrimary"], what="a primary")

    async def fail_once_at(self, command: str, **how: Any) -> None:
        await self._ask("configureFailPoint", "failCommand", mode={"times": 1}, data={"failCommands": [command], **how})

    async def _ask(self, command: str, value: object = 1, **more: Any) -> Any:
        url = super().url  # before it is initiated, the set has no name to connect by

        def ask() -> Any:
            with MongoClient[dict[str, Any]](url, directConnection=True) as client:
                return client.admin.command(command, value, **more)

        return await asyncio.to_thread(ask)


@pytest.fixture
async def primary(tmp_path: Path) -> AsyncIterator[Primary]:
    async with Primary(tmp_path, free_port()) as server:
        await server.initiate()
        yield server


@pytest.fixture
async def mongo(primary: Primary, driver: MongoDriver) -> AsyncIterator[Mongo]:
    connection = Mongo(primary.url, "shop", driver)
    yield connection
    await connection.close()


async def test_a_write_that_a_failing_primary_did_not_execute_is_repeated(primary: Primary, mongo: Mongo) -> None:
    things = mongo.database["things"]
    await things.find_one({"_id": 1})
    await primary.fail_once_at("insert", closeConnection=True)
    await things.insert_one({"_id": 1})
    assert await things.count_documents({}) == 1


async def test_a_write_that_a_primary_executed_without_acknowledging_happens_once(
    primary: Primary, mongo: Mongo
) -> None:
    """The driver repeats the write with the same transaction number."""
    things = mongo.database["things"]
    await things.insert_one({"_id": "counter", "count": 0})
    failure = {"code": _SHUTDOWN_IN_PROGRESS, "errmsg": "shutting down", "errorLabels": ["RetryableWriteError"]}
    await primary.fail_once_at("update", writeConcernError=failure)
    await things.update_one({"_id": "counter"}, {"$inc": {"count": 1}})
    assert await things.find_one({"_id": "counter"}) == {"_id": "counter", "count": 1}
