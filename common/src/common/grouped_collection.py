"""A collection whose single-document calls travel in groups; who calls it notices nothing but the speed.

Grouped is what a group's answer can tell apart: lookups by id; inserts and upserts, of which the database names each
that failed. Of plain updates it counts how many matched and says no more, so they go alone, as does everything else.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError, WriteConcernError, WriteError

from common.collection import Collection, Cursor, Document, WriteResult
from common.grouping import Grouped

Q = TypeVar("Q")
Outcome = Any  # of one call: its result, or the error that is raised to its caller
Upsert = tuple[Document, Document]

_DUPLICATE_KEY = 11000


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
        if filter.keys() != {"_id"} or not isinstance(filter["_id"], str):
            return await self._collection.find_one(filter, projection)
        lookups = self._lookups.get(repr(projection))
        if lookups is None:

            async def find_all(ids: Sequence[str]) -> list[Document | None]:
                return await self._find_all(ids, projection)

            lookups = self._lookups[repr(projection)] = Grouped(find_all)
        return await lookups.ask(filter["_id"])

    def find(self, filter: Document, /, *args: Any, **kwargs: Any) -> Cursor:  # noqa: A002, ANN401 - as the drivers have it
        return self._collection.find(filter, *args, **kwargs)

    async def insert_one(self, document: Document, /) -> Any:  # noqa: ANN401 - as the drivers have it
        return await self._inserts.ask(document)

    async def update_one(self, filter: Document, update: Document, /, *, upsert: bool = False) -> WriteResult:  # noqa: A002
        if not upsert:
            return await self._collection.update_one(filter, update)
        written: WriteResult = await self._upserts.ask((filter, update))
        return written

    async def _find_all(self, ids: Sequence[str], projection: Document | None) -> list[Document | None]:
        if len(ids) == 1:
            return [await self._collection.find_one({"_id": ids[0]}, projection)]
        wanted = {"_id": {"$in": list(set(ids))}}
        found = {
            each["_id"]: each for each in await self._collection.find(wanted, projection).limit(len(ids)).to_list()
        }
        return [dict(found[each]) if each in found else None for each in ids]

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
