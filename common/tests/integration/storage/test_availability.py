"""Errors that mean "not now" are told from mistakes by what the server says: by code, label and write concern.

Public reports of the same kind: a full disk ends a tool (https://github.com/alibaba/MongoShake/issues/992), an error
about a write concern is not repeated (https://github.com/mongodb/mongo-python-driver/pull/800), writes are blocked for
a while (https://mongodb.com/docs/manual/reference/command/setUserWriteBlockMode/).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from pymongo import InsertOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, PyMongoError, WriteConcernError

from common.domain.ids import new_id
from common.storage.availability import CODES, as_unavailable
from common.storage.batching_collection import BatchingCollection
from common.storage.mongo import Mongo, MongoDriver
from devkit.servers import ReplicaSetMember, free_port
from devkit.servers.replica_set import initiate
from devkit.testing.interception import InterceptedCollection, Operation

_COMMANDS = ("find", "insert", "update")
_DEFECTS = {2: "BadValue", 9: "FailedToParse", 73: "InvalidNamespace", 10334: "BSONObjectTooLarge"}


@pytest.fixture(scope="module")
async def primary(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReplicaSetMember]:
    async with ReplicaSetMember(tmp_path_factory.mktemp("mongod"), free_port()) as server:
        await initiate(server)
        yield server


@pytest.fixture
async def mongo(primary: ReplicaSetMember, driver: MongoDriver) -> AsyncIterator[Mongo]:
    connection = Mongo(primary.url, f"test-{new_id()}", driver)
    await connection.database["things"].insert_one({"_id": "there"})
    yield connection
    await primary.succeed()
    await connection.close()


async def errors_of_all_operations(mongo: Mongo) -> list[BaseException | None]:
    """Run each operation alone and in a batch, all at once."""
    alone, together = [BatchingCollection(mongo.database["things"]) for _ in range(2)]
    calls = [*_operations(alone), *(call for _ in range(5) for call in _operations(together))]
    results = await asyncio.gather(*(call() for call in calls), return_exceptions=True)
    return [found if isinstance(found, BaseException) else None for found in results]


def _operations(things: BatchingCollection) -> list[Callable[[], Awaitable[object]]]:
    return [
        lambda: things.find_one({"_id": "there"}),
        lambda: things.insert_one({"_id": new_id()}),
        lambda: things.update_one({"_id": new_id()}, {"$set": {"a": 1}}, upsert=True),
        lambda: things.update_one({"_id": "there"}, {"$set": {"a": 1}}),
        lambda: things.bulk_write([InsertOne({"_id": new_id()})], ordered=False),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("code", CODES, ids=CODES.values())
async def test_every_operation_that_fails_with_this_code_is_unavailable_and_works_later(
    primary: ReplicaSetMember, mongo: Mongo, code: int
) -> None:
    await primary.fail_at(*_COMMANDS, errorCode=code)
    errors = await errors_of_all_operations(mongo)
    assert all(error is not None and as_unavailable(error) for error in errors), errors
    await primary.succeed()
    assert await errors_of_all_operations(mongo) == [None] * len(errors)


@pytest.mark.slow
@pytest.mark.parametrize("code", [64, 79, 100, 11602])
async def test_a_write_that_is_stored_but_not_confirmed_is_unavailable(
    primary: ReplicaSetMember, mongo: Mongo, code: int
) -> None:
    await primary.fail_at("insert", "update", writeConcernError={"code": code, "errmsg": "not confirmed"})
    _, *errors = (error for error in await errors_of_all_operations(mongo) if error is not None)
    assert errors
    assert all(as_unavailable(error) for error in errors), errors


@pytest.mark.both_drivers
@pytest.mark.parametrize("code", _DEFECTS, ids=_DEFECTS.values())
async def test_a_mistake_in_one_operation_is_not_taken_for_an_outage(
    primary: ReplicaSetMember, mongo: Mongo, code: int
) -> None:
    await primary.fail_at(*_COMMANDS, errorCode=code)
    errors = await errors_of_all_operations(mongo)
    assert all(isinstance(error, PyMongoError) and not as_unavailable(error) for error in errors), errors


async def test_each_write_of_a_batch_keeps_its_own_code(mongo: Mongo) -> None:
    """A disk can be full for one write of a batch, and not for the next."""

    async def fail(_name: str, _operation: Operation) -> Any:
        failures = [{"index": 0, "code": 14031, "errmsg": "no space"}, {"index": 1, "code": 11000, "errmsg": "dup"}]
        raise BulkWriteError({"writeErrors": failures, "writeConcernErrors": [], "upserted": []})

    things = BatchingCollection(InterceptedCollection(mongo.database["things"], fail))
    full, duplicate, stored = await things._insert_batch([{"_id": new_id()} for _ in range(3)])
    assert as_unavailable(full)
    assert isinstance(duplicate, DuplicateKeyError)
    assert as_unavailable(duplicate) is None
    assert stored.matched_count == 1


@pytest.mark.parametrize(
    "error",
    [
        OperationFailure("a code of a newer server", 99_999, {"errorLabels": ["RetryableWriteError"]}),
        WriteConcernError("any code", 99_999),
        BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 99_999}]}),
        BulkWriteError({"writeErrors": [{"code": 14031}], "writeConcernErrors": []}),
    ],
    ids=["label", "write concern", "write concern of a batch", "write of a batch"],
)
def test_labels_and_write_concerns_count_whatever_the_code_is(error: PyMongoError) -> None:
    assert as_unavailable(error)
