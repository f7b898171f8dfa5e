"""A collection whose single-document calls travel in groups; who calls it notices nothing but the speed.

Grouped is what a group's answer can tell apart: lookups that differ only in the text that their first field is to have
(one that few documents have: a group reads them all, where one alone would stop at the first);
inserts and upserts (of which the database names each that failed). Of plain updates it only counts how many matched, so
they go alone, as does everything else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any, TypeVar

from bson.errors import BSONError
from pymongo import InsertOne, UpdateOne
from pymongo.errors import (
    BulkWriteError,
    DuplicateKeyError,
    PyMongoError,
    WriteConcernError,
    WriteError,
)

from common.storage.batcher import Grouped
from common.storage.collection import Collection, Cursor, Document, WriteResult

Q = TypeVar("Q")
Outcome = Any  # of one call: its result, or the error that is raised to its caller
Upsert = tuple[Document, Document]

_DUPLICATE_KEY = 11000
_KINDS_OF_LOOKUPS = 16
"""More than any service has. The rest of a filter that is never the same twice gives nothing to group."""


_CANNOT_BE_SENT_OR_READ = (BSONError, OverflowError, TypeError, ValueError, KeyError)
"""A value that BSON has not got or that is too large for it; a field that is not where it was looked for."""


@dataclass(frozen=True)
class _Written:
    matched_count: int


class GroupedCollection:
    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._lookups: dict[str, Grouped[str, Document | None]] = {}
        self._inserts = Grouped(self._insert_all)
        self._upserts = Grouped(self._upsert_all)

    @property
    def name(self) -> str:
        return self._collection.name

    async def find_one(self, filter: Document, projection: Document | None = None, /) -> Document | None:  # noqa: A002
        lookups = self._lookups_like(filter, projection)
        if lookups is None:
            return await self._collection.find_one(filter, projection)
        return await lookups.ask(next(iter(filter.values())))

    def find(self, filter: Document, /, *args: Any, **kwargs: Any) -> Cursor:  # noqa: A002, ANN401 - as the drivers have it
        return self._collection.find(filter, *args, **kwargs)

    async def insert_one(self, document: Document, /) -> None:
        await self._inserts.ask(document)

    async def update_one(self, filter: Document, update: Document, /, *, upsert: bool = False) -> WriteResult:  # noqa: A002
        if not upsert:
            return await self._collection.update_one(filter, update)
        written: WriteResult = await self._upserts.ask((filter, update))
        return written

    def _lookups_like(self, wanted: Document, projection: Document | None) -> Grouped[str, Document | None] | None:
        """Those that this one can travel with; None if it has to go alone."""
        (field, value), *rest = wanted.items() or [("", None)]
        shown = projection or {}
        may_lack_the_field = any(shown.values()) or field.partition(".")[0] in shown  # by which to tell them apart
        if not isinstance(value, str) or may_lack_the_field:
            return None
        kind = repr((field, rest, projection))
        if kind not in self._lookups and len(self._lookups) < _KINDS_OF_LOOKUPS:
            self._lookups[kind] = Grouped(partial(self._find_all, field, dict(rest), projection))
        return self._lookups.get(kind)

    async def _find_all(
        self, field: str, rest: Document, projection: Document | None, values: Sequence[str]
    ) -> list[Outcome]:
        async def find_together() -> list[Document | None]:
            wanted = {field: {"$in": list(set(values))}, **rest}
            found: dict[str, Document] = {}
            for document in await self._collection.find(wanted, projection, batch_size=len(values) + 1).to_list(None):
                found.setdefault(_at(document, field), document)
            return [dict(found[value]) if value in found else None for value in values]

        async def find_one(value: str) -> Document | None:
            return await self._collection.find_one({field: value, **rest}, projection)

        return await _each(values, find_together, find_one)

    async def _insert_all(self, documents: Sequence[Document]) -> list[Outcome]:
        async def insert_together() -> list[Outcome]:
            return await self._write([InsertOne(document) for document in documents])

        return await _each(documents, insert_together, self._collection.insert_one)

    async def _upsert_all(self, upserts: Sequence[Upsert]) -> list[Outcome]:
        async def upsert_together() -> list[Outcome]:
            return await self._write([UpdateOne(*each, upsert=True) for each in upserts])

        async def upsert_one(upsert: Upsert) -> WriteResult:
            return await self._collection.update_one(*upsert, upsert=True)

        return await _each(upserts, upsert_together, upsert_one)

    async def _write(self, writes: list[Any]) -> list[Outcome]:
        """Told apart: unordered, every write was tried, and those that failed, or inserted by an upsert, are named."""
        try:
            result = (await self._collection.bulk_write(writes, ordered=False)).bulk_api_result
        except BulkWriteError as error:
            result = error.details
        # Out of the handler: an error made in there would drag along the one above, which has everybody's documents.
        if result["writeConcernErrors"]:
            concern = result["writeConcernErrors"][0]
            return [WriteConcernError(concern.get("errmsg", ""), concern.get("code"))] * len(writes)
        inserted = {each["index"] for each in result["upserted"]}
        outcomes: list[Outcome] = [_Written(0 if each in inserted else 1) for each in range(len(writes))]
        for failure in result["writeErrors"]:
            kind = DuplicateKeyError if failure["code"] == _DUPLICATE_KEY else WriteError
            # "op" is the document that was to be written. An error gets into logs, and that must not.
            details = {name: value for name, value in failure.items() if name != "op"}
            outcomes[failure["index"]] = kind(failure["errmsg"], failure["code"], details)
        return outcomes

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the driver's other calls
        return getattr(self._collection, name)


def _at(document: Document, field: str) -> Any:  # noqa: ANN401 - whatever lies there
    """`field` as in a filter: dots lead into what is nested. Raises KeyError or TypeError if they do not."""
    return reduce(lambda inner, name: inner[name], field.split("."), document)


async def _each(
    calls: Sequence[Q], together: Callable[[], Awaitable[list[Outcome]]], one: Callable[[Q], Awaitable[Any]]
) -> list[Outcome]:
    """The outcome of each call. Raises what took the driver all its patience: nobody gets through now."""
    if len(calls) == 1:
        return [await _outcome_of(one(calls[0]))]
    try:
        return await together()
    except PyMongoError as error:
        if error.timeout:
            raise
        return [error] * len(calls)
    except _CANNOT_BE_SENT_OR_READ:  # one of them, which must not be the others' failure
        return list(await asyncio.gather(*(_outcome_of(one(each)) for each in calls)))


async def _outcome_of(call: Awaitable[Any]) -> Outcome:
    try:
        return await call
    except PyMongoError as error:
        if error.timeout:
            raise
        return error
    except _CANNOT_BE_SENT_OR_READ as error:
        return error
