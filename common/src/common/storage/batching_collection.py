"""Wraps a MongoDB collection, and sends concurrent operations on single documents to MongoDB together, in batches.

The results are the same as without batches. If many operations run at the same time, batches make them faster.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any, TypeVar

from bson.errors import BSONError
from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError, WriteConcernError, WriteError

from common.storage.availability import as_unavailable
from common.storage.batcher import Batcher
from common.storage.collection import Collection, Cursor, Document, WriteResult

C = TypeVar("C")
Outcome = Any  # the result of one operation, or the error that its caller receives
Upsert = tuple[Document, Document]

_DUPLICATE_KEY = 11000

_BAD_VALUE = (BSONError, OverflowError, TypeError, ValueError, KeyError)
"""The driver raises one of these errors if it cannot encode a value as BSON.

The function `_at` below raises KeyError or TypeError if a document that was found does not have the wanted field. If
one of these errors happens, we run each call of the batch separately, so that only the call with the bad value fails.
"""


@dataclass(frozen=True)
class _Lookup:
    value: str
    """The wanted value of the field by which the batch searches.

    For example, if the batch searches by "_id" and the filter is {"_id": "7", "open": True}, the value is "7".
    """
    rest: Document
    """The conditions of the filter for all other fields. In the same example, this is {"open": True}."""
    projection: Document | None


@dataclass(frozen=True)
class _Written:
    matched_count: int


class BatchingCollection:
    """Sends three kinds of operations in batches, and all other operations directly to `collection`.

    The three kinds are `insert_one`, `update_one` with `upsert=True`, and lookups. A lookup is a `find_one` with a
    filter on one of the fields in `lookup_by`. A batch of lookups reads all documents that have one of the wanted
    values in this field. So `lookup_by` must contain only fields for which few documents have the same value. Otherwise
    a batch would read too many documents.

    Updates without `upsert` are not sent in batches. For a batch of them, MongoDB would report only the total number of
    matches, so we could not know which of the updates had matched a document.
    """

    def __init__(self, collection: Collection, *, lookup_by: Sequence[str] = ("_id",)) -> None:
        self._collection = collection
        self._lookups: dict[str, Batcher[_Lookup, Document | None]] = {
            field: Batcher(partial(self._find_batch, field)) for field in lookup_by
        }
        self._inserts = Batcher(self._insert_batch)
        self._upserts = Batcher(self._upsert_batch)

    @property
    def name(self) -> str:
        return self._collection.name

    async def find_one(self, filter: Document, projection: Document | None = None, /) -> Document | None:  # noqa: A002
        for field, lookups in self._lookups.items():
            value = filter.get(field)
            if isinstance(value, str) and _keeps(field, projection):
                rest = {name: condition for name, condition in filter.items() if name != field}
                return await lookups.run(_Lookup(value, rest, projection))
        return await self._collection.find_one(filter, projection)

    def find(self, filter: Document, /, *args: Any, **kwargs: Any) -> Cursor:  # noqa: A002, ANN401 - the same as in the drivers
        return self._collection.find(filter, *args, **kwargs)

    async def insert_one(self, document: Document, /) -> None:
        await self._inserts.run(document)

    async def update_one(self, filter: Document, update: Document, /, *, upsert: bool = False) -> WriteResult:  # noqa: A002
        if not upsert:
            return await self._collection.update_one(filter, update)
        written: WriteResult = await self._upserts.run((filter, update))
        return written

    async def bulk_write(self, requests: list[Any], /, *, ordered: bool = True) -> Any:  # noqa: ANN401 - the same as in the drivers
        return await self._collection.bulk_write(requests, ordered=ordered)

    async def create_index(self, keys: Any, /, **kwargs: Any) -> str:  # noqa: ANN401 - the same as in the drivers
        return await self._collection.create_index(keys, **kwargs)

    async def count_documents(self, filter: Document, /) -> int:  # noqa: A002
        return await self._collection.count_documents(filter)

    async def _find_batch(self, field: str, lookups: Sequence[_Lookup]) -> list[Outcome]:
        async def find_together() -> list[Document | None]:
            kinds: list[_Lookup] = []
            for lookup in lookups:
                if not any(_alike(lookup, kind) for kind in kinds):
                    kinds.append(lookup)
            outcomes: dict[int, Document | None] = {}
            for found in await asyncio.gather(*(find_kind(kind) for kind in kinds)):
                outcomes |= found
            return [outcomes[position] for position in range(len(lookups))]

        async def find_kind(kind: _Lookup) -> dict[int, Document | None]:
            """Run one query for `kind` and all other lookups that differ from `kind` only in their value.

            The keys of the result are the positions of these lookups in the batch. The values are the documents that
            the lookups have found, or None.
            """
            alike = {position: each.value for position, each in enumerate(lookups) if _alike(each, kind)}
            query = {field: {"$in": list(set(alike.values()))}, **kind.rest}
            found: dict[str, Document] = {}
            for document in await self._collection.find(query, kind.projection, batch_size=len(alike) + 1).to_list(
                None
            ):
                found.setdefault(_at(document, field), document)
            return {position: dict(found[value]) if value in found else None for position, value in alike.items()}

        async def find_one(lookup: _Lookup) -> Document | None:
            return await self._collection.find_one({field: lookup.value, **lookup.rest}, lookup.projection)

        return await _outcomes_of(lookups, find_together, find_one)

    async def _insert_batch(self, documents: Sequence[Document]) -> list[Outcome]:
        async def insert_together() -> list[Outcome]:
            return await self._write([InsertOne(document) for document in documents])

        return await _outcomes_of(documents, insert_together, self._collection.insert_one)

    async def _upsert_batch(self, upserts: Sequence[Upsert]) -> list[Outcome]:
        async def upsert_together() -> list[Outcome]:
            return await self._write([UpdateOne(*each, upsert=True) for each in upserts])

        async def upsert_one(upsert: Upsert) -> WriteResult:
            return await self._collection.update_one(*upsert, upsert=True)

        return await _outcomes_of(upserts, upsert_together, upsert_one)

    async def _write(self, writes: list[Any]) -> list[Outcome]:
        """Run the writes together, and return the result or the error of each write.

        The writes are unordered, so MongoDB tries all of them, even if one of them fails. MongoDB returns a list of the
        writes that failed, and a list of the upserts that inserted a new document. So any other write succeeded, and if
        it was an upsert, it matched an existing document.
        """
        try:
            result = (await self._collection.bulk_write(writes, ordered=False)).bulk_api_result
        except BulkWriteError as error:
            result = error.details
        if result["writeConcernErrors"]:
            concern = result["writeConcernErrors"][0]
            return [WriteConcernError(concern.get("errmsg", ""), concern.get("code"), concern)] * len(writes)
        inserted = {each["index"] for each in result["upserted"]}
        outcomes: list[Outcome] = [_Written(0 if each in inserted else 1) for each in range(len(writes))]
        for failure in result["writeErrors"]:
            kind = DuplicateKeyError if failure["code"] == _DUPLICATE_KEY else WriteError
            # The key "op" contains the document of the failed write. We remove this key, because the log contains
            # errors, but must not contain documents.
            details = {name: value for name, value in failure.items() if name != "op"}
            outcomes[failure["index"]] = kind(failure["errmsg"], failure["code"], details)
        return outcomes


def _keeps(field: str, projection: Document | None) -> bool:
    """Return True if the projection only removes fields from the result, and does not remove this field.

    A batch of lookups needs the field in the result to decide which document belongs to which lookup. If the projection
    does not keep the field, the lookup is not sent in a batch.
    """
    shown = projection or {}
    return not any(shown.values()) and field.partition(".")[0] not in shown


def _alike(one: _Lookup, other: _Lookup) -> bool:
    return one.rest == other.rest and one.projection == other.projection


def _at(document: Document, field: str) -> Any:  # noqa: ANN401 - a field can have any value
    """Return the value of a field. For example, "ticket.id" is the field "id" of the nested document "ticket".

    Raises KeyError or TypeError if the document does not have the field.
    """
    return reduce(lambda inner, name: inner[name], field.split("."), document)


async def _outcomes_of(
    calls: Sequence[C], together: Callable[[], Awaitable[list[Outcome]]], one: Callable[[C], Awaitable[Any]]
) -> list[Outcome]:
    """Run the calls, and return the result or the error of each call.

    `together` runs all calls in one operation, and `one` runs a single call. If the database is unavailable, this
    function raises the driver's error and returns nothing. The Batcher, which has called this function, then also lets
    the calls fail that wait for the next batch, because they would not succeed now either.
    """
    if len(calls) == 1:
        return [await _outcome_of(one(calls[0]))]
    try:
        return await together()
    except PyMongoError as error:
        if as_unavailable(error):
            raise
        return [error] * len(calls)
    except _BAD_VALUE:  # run each call separately, so that only the call with the bad value fails
        return list(await asyncio.gather(*(_outcome_of(one(each)) for each in calls)))


async def _outcome_of(call: Awaitable[Any]) -> Outcome:
    try:
        return await call
    except PyMongoError as error:
        if as_unavailable(error):
            raise
        return error
    except _BAD_VALUE as error:
        return error
