"""Rebuilding a read model from the stream, while its service keeps running.

Document by document and in place, each write guarded by the version, so that the service never sees a read model that is
half there, and never loses an event that arrives meanwhile. What was changed is then told to the service once more, as
a replay of its newest event, so that it draws its conclusions: tickets who holds a ticket, payments what to refund.

A read model that has been mended and not told yet carries a mark, written together with it. Without the mark the next
rebuild would find nothing to mend, and so nobody to tell, after an interruption or while the service was away.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pymongo import DeleteOne, ReplaceOne, UpdateMany
from pymongo.errors import BulkWriteError

from common.domain.event import Event
from common.events.envelope import MalformedEvent, decode_event
from common.messaging.streams import stream_of
from common.storage.collection import Collection, Document
from marketplace.operations.operator import Operator
from marketplace.operations.retell import Unheard, retell
from marketplace.operations.show import counted
from marketplace.operations.stored_data import ReadModels
from marketplace.operations.stream_reader import count_messages, read_events_of, read_stream

Progress = Callable[[int, int], None]
"""Called with how many events have been read, and of how many."""

_BATCH = 500
_DUPLICATE_KEY = 11000
UNHEARD = "unheard"
"""The mark, a field that the service itself overlooks: it has not been told of this read model since it was mended."""


@dataclass
class Rebuilt:
    events: int = 0
    aggregates: int = 0
    changed: list[str] = field(default_factory=list)
    """Ids whose read model was missing, old or wrong."""
    removed: list[str] = field(default_factory=list)
    """Ids that neither the stream nor the owner knows."""
    told: list[str] = field(default_factory=list)
    """Ids that the service has been told of: what was changed, and what an earlier rebuild had not told."""
    unheard: Unheard = field(default_factory=dict)
    """What it could not be told of, because it is not running or refused."""

    @property
    def summary(self) -> str:
        return f"{counted(len(self.changed), 'read model')} mended, {len(self.removed)} removed, {len(self.told)} told"

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


async def rebuild(
    operator: Operator, read_model: ReadModels, on_progress: Progress = lambda _done, _all: None
) -> Rebuilt:
    """Make the read model what the stream says. Safe to repeat, to interrupt, and to run beside the service."""
    result = Rebuilt()
    newest = await _newest_events(operator, read_model, result, on_progress)
    result.aggregates = len(newest)
    collection = operator.databases[read_model.service][read_model.collection]
    present = {document["_id"]: document for document in await collection.find({}).to_list(None)}
    writes: list[ReplaceOne[Document] | DeleteOne] = []
    to_tell: list[Event] = []
    for key, event in newest.items():
        wanted = read_model.read_model.from_event(event).to_document()
        found = present.get(key)
        marked = bool(found and found.pop(UNHEARD, False))
        is_right = found == wanted or (found and await _is_rightly_newer(operator, read_model, found, event))
        if not is_right:
            result.changed.append(key)
            marking = {**wanted, UNHEARD: True}
            writes.append(ReplaceOne(_unless_newer_than(event.version, found, key), marking, upsert=True))
        if marked or not is_right:
            to_tell.append(event)
    for key in present.keys() - newest.keys():
        if not await _is_known(operator, read_model, key):
            result.removed.append(key)
            writes.append(DeleteOne({"_id": key, "version": present[key].get("version")}))
    for start in range(0, len(writes), _BATCH):
        await _write(collection, writes[start : start + _BATCH])
    result.unheard = await retell(operator, read_model.service, to_tell)
    result.told = [event.id for event in to_tell if event.id not in result.unheard]
    for start in range(0, len(result.told), _BATCH):
        heard = result.told[start : start + _BATCH]
        await collection.bulk_write([UpdateMany({"_id": {"$in": heard}}, {"$unset": {UNHEARD: 1}})], ordered=False)
    return result


async def _write(collection: Collection, writes: list[ReplaceOne[Document] | DeleteOne]) -> None:
    try:
        await collection.bulk_write(writes, ordered=False)
    except BulkWriteError as error:
        # A duplicate key: the service itself has stored a newer version meanwhile, which is what is wanted.
        if any(problem["code"] != _DUPLICATE_KEY for problem in error.details["writeErrors"]):
            raise


async def _newest_events(
    operator: Operator, read_model: ReadModels, result: Rebuilt, on_progress: Progress
) -> dict[str, Event]:
    stream = stream_of(read_model.events[0]).name
    subjects = [event.subjects() for event in read_model.events]
    total = await count_messages(operator.broker, stream, subjects)
    newest: dict[str, Event] = {}
    async for message in read_stream(operator.broker, stream, subjects):
        result.events += 1
        if result.events % _BATCH == 0:
            on_progress(result.events, max(total, result.events))
        try:
            event = decode_event(message.subject, message.data)
        except MalformedEvent:
            continue  # it is among the dead letters
        if event.id not in newest or newest[event.id].version < event.version:
            newest[event.id] = event
    on_progress(result.events, result.events)
    return newest


def _unless_newer_than(version: int, found: Document | None, key: str) -> Document:
    """Whatever was found may be replaced, however wrong; what the service has stored since, only if it is older."""
    older: list[Document] = [{"version": {"$lte": version}}]
    return {"_id": key, "$or": older + ([{"version": found.get("version")}] if found else [])}


async def _is_rightly_newer(operator: Operator, read_model: ReadModels, found: Document, event: Event) -> bool:
    """Whether something accounts for a read model that is newer than all events that were read.

    An event that has come since; or the owner itself: then its event was lost, and going back would make it worse.
    """
    version = found.get("version")
    if not isinstance(version, int) or version <= event.version:
        return False
    if version in [each.version for each in await read_events_of(operator.broker, type(event), event.id)]:
        return True
    original = await _original(operator, read_model, event.id)
    try:
        return original is not None and read_model.of(original) == found
    except ValidationError:
        return True  # the owner's document cannot be read: as long as nobody knows better, the read model stays


async def _is_known(operator: Operator, read_model: ReadModels, key: object) -> bool:
    if not isinstance(key, str) or not key.isalnum():
        return False  # nothing that has ever been an id; and it could not be part of a subject
    if await read_events_of(operator.broker, read_model.events[0], key):
        return True
    return await _original(operator, read_model, key) is not None


async def _original(operator: Operator, read_model: ReadModels, key: str) -> Document | None:
    owner = read_model.original
    return await operator.databases[owner.service][owner.collection].find_one({"_id": key})
