"""Read models: what a service keeps of another service's aggregates. Events update them; versions protect them."""

import asyncio
import time
from typing import Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict
from pymongo.errors import DuplicateKeyError

from common.domain.event import Event
from common.storage.collection import Collection, Document


class ReadModel(BaseModel):
    """A subclass names the fields that its service needs. By default the event's fields of the same names fill them."""

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
    def __init__(self, collection: Collection, read_model: type[R], *, wait_seconds: float = 1.0) -> None:
        self.collection = collection
        self._wait_seconds = wait_seconds
        self._read_model = read_model

    async def find(self, read_model_id: str) -> R | None:
        document = await self.collection.find_one({"_id": read_model_id})
        return self._read_model.model_validate({**document, "id": document["_id"]}) if document else None

    async def find_or_wait(self, read_model_id: str) -> R | None:
        """Like find, but wait up to a second for an event that is still on its way, which usually takes milliseconds.

        Without the wait, a client that lists a ticket and orders it at once could get the answer 404.
        """
        deadline = time.monotonic() + self._wait_seconds
        while True:
            found = await self.find(read_model_id)
            if found is not None or time.monotonic() >= deadline:
                return found
            await asyncio.sleep(0.02)

    async def apply(self, event: Event) -> bool:
        """Store the state that the event carries if it is newer than the stored one. True if it was.

        Safe to repeat, and in any order: an older event matches no older version, so the upsert tries to insert, and
        the key exists. Mostly that means that the event is old. But two first events of one aggregate may also have
        tried to insert at the same time, and the newer one was refused. So an update follows, and its result is final.
        """
        state = self._read_model.from_event(event).to_document()
        older = {"_id": state.pop("_id"), "version": {"$lt": event.version}}
        try:
            await self.collection.update_one(older, {"$set": state}, upsert=True)
        except DuplicateKeyError:
            written = await self.collection.update_one(older, {"$set": state})
            return written.matched_count == 1
        return True
