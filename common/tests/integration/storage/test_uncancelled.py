"""The operations of PyMongo's client run to their end. motor's may not: it drops one that has no thread yet."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

import pytest
from pymongo import InsertOne

from common.domain.ids import new_id
from common.storage.collection import Collection, Cursor, Database
from common.storage.mongo import Mongo
from devkit.servers import Mongod

_CALLS: dict[str, Callable[[Database], Awaitable[object]]] = {
    "command": lambda shop: shop.command("ping"),
    "find_one": lambda shop: shop["things"].find_one({}),
    "insert_one": lambda shop: shop["things"].insert_one({}),
    "update_one": lambda shop: shop["things"].update_one({}, {"$set": {"name": "thing"}}),
    "bulk_write": lambda shop: shop["things"].bulk_write([InsertOne({})]),
    "create_index": lambda shop: shop["things"].create_index("name"),
    "count_documents": lambda shop: shop["things"].count_documents({}),
    "to_list": lambda shop: shop["things"].find({}).sort("name").limit(1).to_list(),
}
_OPERATIONS = [
    name
    for protocol in (Database, Collection, Cursor)
    for name, member in vars(protocol).items()
    if inspect.iscoroutinefunction(member)
]


@pytest.mark.parametrize("operation", _OPERATIONS)
async def test_an_operation_goes_on_if_its_caller_is_cancelled(mongod: Mongod, operation: str) -> None:
    mongo = Mongo(mongod.url, f"test-{new_id()}", "pymongo")
    before = asyncio.all_tasks()

    async def call() -> None:
        await _CALLS[operation](mongo.database)

    caller = asyncio.create_task(call())
    await asyncio.sleep(0)  # the caller has called the operation and waits for its result
    started = asyncio.all_tasks() - before - {caller}
    caller.cancel()
    await asyncio.wait([caller])
    try:
        assert len(started) == 1, "the operation has no task of its own"
        await asyncio.wait_for(started.pop(), 5)
    finally:
        await mongo.close()
    assert caller.cancelled()
