"""Read models.

A read model is a copy of the data that a service needs from an aggregate of another service. When an event of the
aggregate arrives, the service updates the copy. The event and the copy contain the version of the aggregate. If the
event does not have a newer version than the copy, the service ignores the event. So an old event never replaces newer
data.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict
from pymongo.errors import DuplicateKeyError

from common.domain.errors import VersionConflict
from common.domain.event import Event
from common.storage.collection import Collection, Document
from common.storage.document_reader import DocumentReader
from common.storage.retry import retry_on_conflict


class ReadModel(BaseModel):
    """The base class of read models. A read model is a copy of the data that a service needs from another service.

    A subclass declares the fields that its service needs. By default, each field gets its value from the event's field
    with the same name.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)

    id: str
    version: int

    @classmethod
    def from_event(cls, event: Event) -> Self:
        return cls.model_validate(event)

    def to_document(self) -> Document:
        document = self.model_dump()
        document["_id"] = document.pop("id")
        return document

    @classmethod
    def from_document(cls, document: Document) -> Self:
        """Make the read model that the document contains. Raises pydantic's ValidationError if a field is wrong."""
        return cls.model_validate({**document, "id": document["_id"]})

    @classmethod
    def with_defaults(cls, document: Document) -> Document:
        """Return the document with the default of each optional field that it lacks.

        An older version of the service, which did not know the field, may have written the document.
        """
        optional = {name: field for name, field in cls.model_fields.items() if not field.is_required()}
        defaults = {name: field.get_default(call_default_factory=True) for name, field in optional.items()}
        return {**defaults, **document}


R = TypeVar("R", bound=ReadModel)


class ReadModelRepository(Generic[R]):
    def __init__(self, collection: Collection, read_model: type[R], *, wait_seconds: float = 1.0) -> None:
        self.collection = collection
        self._wait_seconds = wait_seconds
        self._read_model = read_model
        self._documents = DocumentReader(collection.name, read_model.from_document)

    async def find(self, read_model_id: str) -> R | None:
        """Return the read model with this id, or None if it does not exist. Raises UnreadableDocument."""
        document = await self.collection.find_one({"_id": read_model_id})
        return self._documents.read(document) if document else None

    async def versions(self, ids: Iterable[str]) -> dict[str, int]:
        """Return the version of each of these read models that exists."""
        wanted = {"_id": {"$in": list(ids)}}
        if not wanted["_id"]["$in"]:
            return {}
        found = await self.collection.find(wanted, {"version": 1}).to_list(None)
        return {document["_id"]: document["version"] for document in found}

    async def find_or_wait(self, read_model_id: str, version: int = 1) -> R | None:
        """Return the read model with this id. If it is older than `version`, wait, but not longer than `wait_seconds`.

        After this time, return the older read model, or None if it still does not exist. Raises UnreadableDocument. The
        event with this version may not have arrived yet. Usually it arrives within milliseconds. Without the wait, a
        buyer who orders a ticket immediately after its seller has offered it could get the answer 404.
        """
        deadline = time.monotonic() + self._wait_seconds
        while True:
            found = await self.find(read_model_id)
            is_new_enough = found is not None and found.version >= version
            if is_new_enough or time.monotonic() >= deadline:
                return found
            await asyncio.sleep(0.02)

    @retry_on_conflict
    async def apply(self, event: Event) -> bool:
        """Store the data of the event if the event is newer than the stored data. Return True if the data was stored.

        Events may arrive twice and in any order. The filter `older` matches the stored document only if the event is
        newer. It also matches if the stored version is missing or is not a number, so that the event repairs it. If the
        event is not newer, the upsert tries to insert a second document with the same _id, so it fails with a duplicate
        key.

        This error does not prove that the event is not newer. It also happens if the updates for two events try to
        insert the same document at the same time, and MongoDB refuses the newer one. And a primary that has lost the
        majority of the replica set compares with documents that MongoDB undoes later. So after the error, we read what
        a majority has stored, and try again if that is older than the event.
        """
        state = self._read_model.from_event(event).to_document()
        key = {"_id": state.pop("_id")}
        older = {**key, "version": {"$not": {"$gte": event.version}}}
        try:
            await self.collection.update_one(older, {"$set": state}, upsert=True)
        except DuplicateKeyError:
            if await self.collection.find_one({**key, "version": {"$gte": event.version}}) is None:
                raise VersionConflict("Another event was stored at the same moment. Try again.") from None
            return False
        return True
