"""A collection whose single-document calls travel in groups; who calls it notices nothing but the speed.

Grouped is what a group's answer can tell apart: lookups that differ only in the text that their first field is to have;
inserts and upserts (of which the database names each that failed). Of plain updates it only counts how many matched, so
they go alone, as does everything else.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any, TypeVar

from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError, WriteConcernError, WriteError

from common.collection import Collection, Cursor, Document, WriteResult
from common.grouping import Grouped

Q = TypeVar("Q")
Outcome = Any  # of one call: its result, or the error that is raised to its caller
Upsert = tuple[Document, Document]

_DUPLICATE_KEY = 11000
_KINDS_OF_LOOKUPS = 16
"""More than any service has. The rest of a filter that is never the same twice gives nothing to group."""


@dataclass(frozen=True)
class _Written:
    matched_count: int
    modified_count: int


class GroupedCollection:
    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._lookups: dict[str, Grouped[str, Document | None]] = {}
        self._inserts = Grouped(self._insert_all)
        self._upserts = Grouped(self._upsert_all)

    @property
    def name(self) -> str:
        return self._collection.name

    async def find_one(self, filter: Document, /, projection: Document | None = None) -> Document | None:  # noqa: A002
        lookups = self._lookups_like(filter, projection)
        if lookups is None:
            return await self._collection.find_one(filter, projection)
        return await lookups.ask(next(iter(filter.values())))

    def find(self, filter: Document, /, *args: Any, **kwargs: Any) -> Cursor:  # noqa: A002, ANN401 - as the drivers have it
        return self._collection.find(filter, *args, **kwargs)

    async def insert_one(self, document: Document, /) -> Any:  # noqa: ANN401 - as the drivers have it
        return await self._inserts.ask(document)

    async def update_one(self, filter: Document, update: Document, /, *, upsert: bool = False) -> WriteResult:  # noqa: A002
        if not upsert:
            return await self._collection.update_one(filter, update)
        written: WriteResult = await self._upserts.ask((filter, update))
        return written

    def _lookups_like(self, wanted: Document, projection: Document | None) -> Grouped[str, Document | None] | None:
        """Those that this one can travel with; None if it has to go alone."""
        (field, value), *rest = wanted.items() or [("", None)]
        leaves_fields_out = any((projection or {}).values())  # perhaps the very one by which to tell them apart
        if not isinstance(value, str) or leaves_fields_out:
            return None
        kind = repr((field, rest, projection))
        if kind not in self._lookups and len(self._lookups) < _KINDS_OF_LOOKUPS:
            self._lookups[kind] = Grouped(partial(self._find_all, field, dict(rest), projection))
        return self._lookups.get(kind)

    async def _find_all(
        self, field: str, rest: Document, projection: Document | None, values: Sequence[str]
    ) -> list[Document | None]:
        if len(values) == 1:
            return [await self._collection.find_one({field: values[0], **rest}, projection)]
        wanted = {field: {"$in": list(set(values))}, **rest}
        found: dict[str, Document] = {}
        for document in await self._collection.find(wanted, projection, batch_size=len(values) + 1).to_list(None):
            found.setdefault(_at(document, field), document)
        return [dict(found[value]) if value in found else None for value in values]

    async def _insert_all(self, documents: Sequence[Document]) -> list[Outcome]:
        return await self._write_all(documents, self._collection.insert_one, InsertOne)

    async def _upsert_all(self, upserts: Sequence[Upsert]) -> list[Outcome]:
        async def upsert_one(upsert: Upsert) -> WriteResult:
            return await self._collection.update_one(*upsert, upsert=True)

        return await self._write_all(upserts, upsert_one, lambda each: UpdateOne(*each, upsert=True))

    async def _write_all(
        self, writes: Sequence[Q], one: Callable[[Q], Awaitable[Any]], as_model: Callable[[Q], Any]
    ) -> list[Outcome]:
        if len(writes) == 1:
            return [await one(writes[0])]
        try:
            result = await self._collection.bulk_write([as_model(each) for each in writes], ordered=False)
        except BulkWriteError as error:
            return _outcomes(len(writes), error.details)
        except PyMongoError:
            raise  # the database could not be reached, or refused them all
        except Exception:  # noqa: BLE001 - one that cannot be encoded must not be the others' failure
            return [await _outcome_of(one(each)) for each in writes]
        return _outcomes(len(writes), result.bulk_api_result)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the driver's other calls
        return getattr(self._collection, name)


def _at(document: Document, field: str) -> Any:  # noqa: ANN401 - whatever lies there
    """`field` as in a filter: dots lead into what is nested. Raises TypeError where that is an array."""
    return reduce(lambda inner, name: inner[name], field.split("."), document)


def _outcomes(count: int, details: Any) -> list[Outcome]:  # noqa: ANN401 - a document of the driver
    """Told apart: unordered, every write was tried, and those that failed, or inserted by an upsert, are named."""
    if details["writeConcernErrors"]:
        concern = details["writeConcernErrors"][0]
        raise WriteConcernError(concern.get("errmsg", ""), concern.get("code"), concern)
    inserted = {each["index"] for each in details["upserted"]}
    outcomes: list[Outcome] = [_Written(0, 0) if each in inserted else _Written(1, 1) for each in range(count)]
    for failure in details["writeErrors"]:
        kind = DuplicateKeyError if failure["code"] == _DUPLICATE_KEY else WriteError
        outcomes[failure["index"]] = kind(failure["errmsg"], failure["code"], failure)
    return outcomes


async def _outcome_of(write: Awaitable[Any]) -> Outcome:
    try:
        return await write
    except Exception as error:  # noqa: BLE001 - it belongs to one caller
        return error
