"""Read models: what a service remembers of another service's aggregates, kept by events and guarded by versions."""

import asyncio
import time
from typing import Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict
from pymongo.errors import DuplicateKeyError

from common.domain.event import Event
from common.storage.collection import Collection, Document


class ReadModel(BaseModel):
    """A subclass names the fields that its service needs; they are filled from the event's fields of the same names."""

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


R = TypeVar("R", bound=ReadModel)


class ReadModelRepository(Generic[R]):
    def __init__(self, collection: Collection, read_model: type[R], *, patience_seconds: float = 1.0) -> None:
        self.collection = collection
        self._patience_seconds = patience_seconds
        self._replica = read_model

    async def find(self, replica_id: str) -> R | None:
        document = await self.collection.find_one({"_id": replica_id})
        return self._replica.model_validate({**document, "id": document["_id"]}) if document else None

    async def find_soon(self, replica_id: str) -> R | None:
        """Like find, but give an event that is on its way, which takes milliseconds, a second to arrive.

        A client that lists and orders, or orders and pays, in one breath would otherwise be told that the thing it has
        just been given does not exist.
        """
        deadline = time.monotonic() + self._patience_seconds
        while True:
            found = await self.find(replica_id)
            if found is not None or time.monotonic() >= deadline:
                return found
            await asyncio.sleep(0.02)

    async def apply(self, event: Event) -> bool:
        """Take over the state that the event carries, if it is newer than what is known. True if it was.

        Safe to repeat and in any order: an older event finds no older version to replace, tries to insert, and fails
        on the key that exists. Usually that means stale; but two first events of one aggregate may also have raced to
        insert, and the newer one have lost. So it asks once more, now that the key exists, and that answer is final.
        """
        state = self._replica.from_event(event).to_document()
        older = {"_id": state.pop("_id"), "version": {"$lt": event.version}}
        try:
            await self.collection.update_one(older, {"$set": state}, upsert=True)
        except DuplicateKeyError:
            written = await self.collection.update_one(older, {"$set": state})
            return written.matched_count == 1
        return True
