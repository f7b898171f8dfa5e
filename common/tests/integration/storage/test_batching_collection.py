"""Batched calls have the same results as single calls."""

import asyncio
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from bson.errors import InvalidDocument
from pymongo.errors import DuplicateKeyError, WriteConcernError

from common.storage.batching_collection import BatchingCollection
from common.storage.collection import Collection, Document
from common.storage.mongo import Mongo, MongoDriver
from devkit.servers.mongod import Mongod
from devkit.servers.ports import free_port

pytestmark = pytest.mark.both_drivers

MANY = 100


class Counted:
    """Counts the calls of the driver's collection."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection
        self.round_trips = 0

    def __getattr__(self, name: str) -> Any:
        if name in {"find", "find_one", "insert_one", "update_one", "bulk_write"}:
            self.round_trips += 1
        return getattr(self._collection, name)


@pytest.fixture
def counted(mongo: Mongo) -> Counted:
    return Counted(mongo.database["things"])


@pytest.fixture
def things(counted: Counted) -> Collection:
    collection: Any = counted
    return BatchingCollection(collection, lookup_by=("_id", "of.id"))


async def stored(things: Collection) -> dict[str, Any]:
    return {document["_id"]: document["value"] for document in await things.find({}).to_list(None)}


async def test_of_concurrent_inserts_only_those_with_a_taken_key_fail(things: Collection, counted: Counted) -> None:
    await things.create_index("value", unique=True)
    await things.insert_one({"_id": "before", "value": 7})
    outcomes = await asyncio.gather(
        *(things.insert_one({"_id": f"thing {number}", "value": number}) for number in range(MANY)),
        things.insert_one({"_id": "before", "value": -1}),
        return_exceptions=True,
    )
    failed = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, BaseException)]
    assert failed == [7, MANY], "one for its value, one for its id"
    assert all(isinstance(outcomes[number], DuplicateKeyError) for number in failed)
    assert await stored(things) == {"before": 7} | {f"thing {n}": n for n in range(MANY) if n != 7}
    assert counted.round_trips < MANY / 10


async def test_of_concurrent_upserts_only_those_with_an_old_version_fail(things: Collection, counted: Counted) -> None:
    await asyncio.gather(*(things.insert_one({"_id": str(n), "version": n % 2, "value": "old"}) for n in range(MANY)))
    change = {"$set": {"version": 2, "value": "new"}}
    outcomes = await asyncio.gather(
        *(things.update_one({"_id": str(n), "version": 1}, change, upsert=True) for n in range(MANY)),
        things.update_one({"_id": "unknown", "version": {"$lt": 2}}, change, upsert=True),
        return_exceptions=True,
    )
    assert [isinstance(outcome, DuplicateKeyError) for outcome in outcomes] == [True, False] * (MANY // 2) + [False]
    found: list[Any] = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert [each.matched_count for each in found] == [1] * (MANY // 2) + [0]
    assert await stored(things) == {str(n): ("new" if n % 2 else "old") for n in range(MANY)} | {"unknown": "new"}
    assert counted.round_trips < MANY / 10


async def test_an_error_does_not_contain_the_document(things: Collection) -> None:
    """Errors are logged, and documents contain password hashes and card tokens."""
    await things.insert_one({"_id": "taken", "value": 1})
    outcomes = await asyncio.gather(
        *(things.insert_one({"_id": key, "value": "secret"}) for key in ("a", "b", "taken", "c")),
        *(things.update_one({"_id": "taken", "value": 2}, {"$set": {"more": "secret"}}, upsert=True) for _ in range(3)),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, DuplicateKeyError)]
    assert len(refused) == 4
    for error in refused:
        assert "taken" in str(error)
        assert "secret" not in "".join(traceback.format_exception(error))


async def test_concurrent_lookups_each_find_their_document_or_nothing(things: Collection, counted: Counted) -> None:
    await asyncio.gather(*(things.insert_one({"_id": str(n), "value": n, "more": 1}) for n in range(0, MANY, 2)))
    ids = [str(n) for n in range(MANY)]
    found = await asyncio.gather(
        *(things.find_one({"_id": each}, {"more": 0}) for each in ids),
        things.find_one({"_id": "0"}, {"value": 0}),
        things.find_one({"value": 4}),
        things.find_one({"_id": "6"}, {"more": 1}),
    )
    expected: list[Document | None] = [
        {"_id": each, "value": int(each)} if int(each) % 2 == 0 else None for each in ids
    ]
    assert found == [*expected, {"_id": "0", "more": 1}, {"_id": "4", "value": 4, "more": 1}, {"_id": "6", "more": 1}]
    assert counted.round_trips < MANY / 10


async def test_lookups_by_another_field_respect_the_rest_of_their_filter(things: Collection, counted: Counted) -> None:
    await asyncio.gather(
        *(things.insert_one({"_id": str(n), "of": {"id": f"owner {n}"}, "live": n % 2 == 0}) for n in range(MANY)),
        *(things.insert_one({"_id": f"dead {n}", "of": {"id": f"owner {n}"}, "live": False}) for n in range(MANY)),
    )
    before = counted.round_trips
    found = await asyncio.gather(*(things.find_one({"of.id": f"owner {n}", "live": True}) for n in range(MANY)))
    assert [each and each["_id"] for each in found] == [str(n) if n % 2 == 0 else None for n in range(MANY)]
    assert counted.round_trips - before < MANY / 10


async def test_a_document_that_cannot_be_stored_fails_alone(things: Collection) -> None:
    impossible: Document = {"_id": "impossible", "value": object()}
    outcomes = await asyncio.gather(
        *(things.insert_one(each) for each in ({"_id": "a", "value": 1}, impossible, {"_id": "b", "value": 2})),
        return_exceptions=True,
    )
    assert [isinstance(outcome, InvalidDocument) for outcome in outcomes] == [False, True, False]
    assert await stored(things) == {"a": 1, "b": 2}


async def test_a_value_that_cannot_be_looked_up_fails_alone(things: Collection) -> None:
    await asyncio.gather(*(things.insert_one({"_id": key, "value": 1}) for key in "abc"))
    outcomes = await asyncio.gather(
        *(things.find_one({"_id": key}) for key in ("a", "\ud800", "b", "c")), return_exceptions=True
    )
    assert [isinstance(outcome, UnicodeEncodeError) for outcome in outcomes] == [False, True, False, False]
    assert [outcome and outcome["_id"] for outcome in outcomes if isinstance(outcome, dict)] == ["a", "b", "c"]


async def test_two_lookups_of_one_document_get_separate_copies(things: Collection) -> None:
    await things.insert_one({"_id": "a", "value": 1})
    first, second = await asyncio.gather(things.find_one({"_id": "a"}), things.find_one({"_id": "a"}))
    assert first is not None
    first["value"] = 2
    assert second == {"_id": "a", "value": 1}


class MongodWithFailPoints(Mongod):
    """A mongod that fails at commands, as the test asks."""

    def command(self) -> list[str]:
        return [*super().command(), "--setParameter", "enableTestCommands=1"]


@pytest.fixture
async def failing_mongod(tmp_path: Path) -> AsyncIterator[MongodWithFailPoints]:
    async with MongodWithFailPoints(tmp_path, free_port()) as server:
        yield server


async def test_writes_of_a_batch_fail_when_the_write_concern_was_not_met(
    failing_mongod: MongodWithFailPoints, driver: MongoDriver
) -> None:
    """MongoDB reports this error once for the batch, not for each write."""
    mongo, admin = Mongo(failing_mongod.url, "shop", driver), Mongo(failing_mongod.url, "admin", driver)
    things, fail_points = BatchingCollection(mongo.database["things"]), cast(Any, admin.database)
    out_of_space = {"code": 14031, "codeName": "OutOfDiskSpace", "errmsg": "not enough disk space"}
    data = {"failCommands": ["insert", "update"], "writeConcernError": out_of_space}
    try:
        await fail_points.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data})
        outcomes = await asyncio.gather(
            *(things.insert_one({"_id": f"inserted {number}"}) for number in range(10)),
            *(things.update_one({"_id": f"upserted {n}"}, {"$set": {"value": n}}, upsert=True) for n in range(10)),
            return_exceptions=True,
        )
    finally:
        await mongo.close()
        await admin.close()
    reported_as_done = [outcome for outcome in outcomes if not isinstance(outcome, WriteConcernError)]
    assert reported_as_done == []
