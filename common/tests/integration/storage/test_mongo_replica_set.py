"""Writes to a replica set, as in production, while its primary fails."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pymongo.errors import PyMongoError

from common.storage.availability import as_unavailable
from common.storage.mongo import Mongo, MongoDriver
from devkit.servers import ReplicaSetMember, free_port
from devkit.servers.replica_set import initiate, replica_set_of_three

pytestmark = [pytest.mark.slow, pytest.mark.both_drivers]

_SHUTDOWN_IN_PROGRESS = 91


@pytest.fixture
async def primary(tmp_path: Path) -> AsyncIterator[ReplicaSetMember]:
    async with ReplicaSetMember(tmp_path, free_port()) as server:
        await initiate(server)
        yield server


@pytest.fixture
async def mongo(primary: ReplicaSetMember, driver: MongoDriver) -> AsyncIterator[Mongo]:
    connection = Mongo(primary.url, "shop", driver)
    yield connection
    await connection.close()


async def test_a_write_that_a_failing_primary_did_not_execute_is_repeated(
    primary: ReplicaSetMember, mongo: Mongo
) -> None:
    things = mongo.database["things"]
    await things.find_one({"_id": 1})
    await primary.fail_at("insert", times=1, closeConnection=True)
    await things.insert_one({"_id": 1})
    assert await things.count_documents({}) == 1


async def test_a_write_that_a_primary_executed_without_acknowledging_happens_once(
    primary: ReplicaSetMember, mongo: Mongo
) -> None:
    """The driver repeats the write with the same transaction number."""
    things = mongo.database["things"]
    await things.insert_one({"_id": "counter", "count": 0})
    failure = {"code": _SHUTDOWN_IN_PROGRESS, "errmsg": "shutting down", "errorLabels": ["RetryableWriteError"]}
    await primary.fail_at("update", times=1, writeConcernError=failure)
    await things.update_one({"_id": "counter"}, {"$inc": {"count": 1}})
    assert await things.find_one({"_id": "counter"}) == {"_id": "counter", "count": 1}


async def test_a_read_does_not_see_a_write_that_only_a_cut_off_primary_has(tmp_path: Path, driver: MongoDriver) -> None:
    """The other members elect a new primary later, and MongoDB then undoes this write."""
    async with replica_set_of_three(tmp_path) as replica_set:
        mongo = Mongo(replica_set.url, "shop", driver)
        things = mongo.database["things"]
        await things.insert_one({"_id": 1})
        replica_set.network.cut_off((await replica_set.primary()).member.port)
        with pytest.raises(PyMongoError) as failed:
            await things.insert_one({"_id": 2})
        assert as_unavailable(failed.value)
        assert await things.find({}).to_list(None) == [{"_id": 1}]
        await mongo.close()
