"""A collection that runs concurrent single-document operations in batches. It gives the same answers, faster."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any, TypeVar

from bson.errors import BSONError
from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError, WriteConcernError, WriteError

from common.storage.batcher import Batcher
from common.storage.collection import Collection, Cursor, Document, WriteResult

C = TypeVar("C")
Outcome = Any  # of one operation: its result, or the error that is raised to its caller
Upsert = tuple[Document, Document]

_DUPLICATE_KEY = 11000

_BAD_VALUE = (BSONError, OverflowError, TypeError, ValueError, KeyError)
"""A value that BSON does not have or cannot hold, or a document that lacks the field of a lookup."""


@dataclass(frozen=True)
class _Lookup:
    value: str
    rest: Document
    """The other conditions of the filter."""
    projection: Document | None


@dataclass(frozen=True)
class _Written:
    matched_count: int


class BatchingCollection:
    """Batches `insert_one`, upserts, and `find_one` by one of the fields in `lookup_by`. Other calls pass through.

    A batch of lookups reads all documents that have one of the values, so few documents may have the same value of a
    field in `lookup_by`. Plain updates pass through, because MongoDB reports only how many of a batch have matched.
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

    def find(self, filter: Document, /, *args: Any, **kwargs: Any) -> Cursor:  # noqa: A002, ANN401 - as the drivers have it
        return self._collection.find(filter, *args, **kwargs)

    async def insert_one(self, document: Document, /) -> None:
        await self._inserts.run(document)

    async def update_one(self, filter: Document, update: Document, /, *, upsert: bool = False) -> WriteResult:  # noqa: A002
        if not upsert:
            return await self._collection.update_one(filter, update)
        written: WriteResult = await self._upserts.run((filter, update))
        return written

    async def bulk_write(self, requests: list[Any], /, *, ordered: bool = True) -> Any:  # noqa: ANN401 - as the drivers have it
        return await self._collection.bulk_write(requests, ordered=ordered)

    async def create_index(self, keys: Any, /, **kwargs: Any) -> str:  # noqa: ANN401 - as the drivers have it
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
            """One query for all lookups that differ only in their value. The result is by position in the batch."""
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
        """Unordered: MongoDB tries every write, and names those that failed and those that inserted by an upsert."""
        try:
            result = (await self._collection.bulk_write(writes, ordered=False)).bulk_api_result
        except BulkWriteError as error:
            result = error.details
        # Outside of the handler: otherwise the errors below would hold the one above, which has all documents.
        if result["writeConcernErrors"]:
            concern = result["writeConcernErrors"][0]
            return [WriteConcernError(concern.get("errmsg", ""), concern.get("code"))] * len(writes)
        inserted = {each["index"] for each in result["upserted"]}
        outcomes: list[Outcome] = [_Written(0 if each in inserted else 1) for each in range(len(writes))]
        for failure in result["writeErrors"]:
            kind = DuplicateKeyError if failure["code"] == _DUPLICATE_KEY else WriteError
            # "op" is the document that was to be written. Errors are logged; documents must not be.
            details = {name: value for name, value in failure.items() if name != "op"}
            outcomes[failure["index"]] = kind(failure["errmsg"], failure["code"], details)
        return outcomes


def _keeps(field: str, projection: Document | None) -> bool:
    """Whether the documents will have the field, by which a batch assigns them to its lookups."""
    shown = projection or {}
    return not any(shown.values()) and field.partition(".")[0] not in shown


def _alike(one: _Lookup, other: _Lookup) -> bool:
    return one.rest == other.rest and one.projection == other.projection


def _at(document: Document, field: str) -> Any:  # noqa: ANN401 - any value
    """The value of a field; dots lead into nested documents. Raises KeyError or TypeError if there is none."""
    return reduce(lambda inner, name: inner[name], field.split("."), document)


async def _outcomes_of(
    calls: Sequence[C], together: Callable[[], Awaitable[list[Outcome]]], one: Callable[[C], Awaitable[Any]]
) -> list[Outcome]:
    """The outcome of each call. Raises if the driver has timed out: then no call reaches the database now."""
    if len(calls) == 1:
        return [await _outcome_of(one(calls[0]))]
    try:
        return await together()
    except PyMongoError as error:
        if error.timeout:
            raise
        return [error] * len(calls)
    except _BAD_VALUE:  # of one call; the others must not fail because of it
        return list(await asyncio.gather(*(_outcome_of(one(each)) for each in calls)))


async def _outcome_of(call: Awaitable[Any]) -> Outcome:
    try:
        return await call
    except PyMongoError as error:
        if error.timeout:
            raise
        return error
    except _BAD_VALUE as error:
        return error
