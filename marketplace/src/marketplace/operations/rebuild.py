"""Rebuilds a read model from the stream, while its service keeps running.

It writes document by document. The version guards each write, so the service never finds a half-built read model, and
no event is lost that arrives meanwhile. Afterwards it replays the newest event of each changed document to the service,
whose handlers then act on it: tickets decides again who holds a ticket, payments what to refund.

The write that repairs a document also sets the mark REPLAY_PENDING in it. The next rebuild therefore knows which events
it still has to replay, also after an interruption or while the service was down: the document itself is correct by
then, so nothing else would show it.
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
from marketplace.operations.replay_events import NotReplayed, replay_events
from marketplace.operations.show import counted
from marketplace.operations.stored_data import ReadModels
from marketplace.operations.stream_reader import count_messages, read_events_of, read_stream

Progress = Callable[[int, int], None]
"""Called with the number of events that have been read, and the number of all events."""

_BATCH = 500
_DUPLICATE_KEY = 11000
REPLAY_PENDING = "unheard"
"""The mark: a rebuild has repaired this document, but its newest event has not been replayed to the service yet.

The name of the stored field is an older word for the same. It stays, because documents in databases may have it.
Services ignore the field.
"""


@dataclass
class Rebuilt:
    """What a rebuild has read and changed."""

    events: int = 0
    aggregates: int = 0
    changed: list[str] = field(default_factory=list)
    """Ids whose read model was missing, old or wrong."""
    removed: list[str] = field(default_factory=list)
    """Ids that are neither in the stream nor in the owner's data."""
    replayed: list[str] = field(default_factory=list)
    """Ids whose newest event was replayed: those of changed documents, and those that an earlier rebuild left over."""
    not_replayed: NotReplayed = field(default_factory=dict)
    """Ids whose newest event could not be replayed, because the service does not run or refuses it."""

    @property
    def summary(self) -> str:
        changed, replayed = counted(len(self.changed), "read model"), counted(len(self.replayed), "event")
        return f"{changed} repaired, {len(self.removed)} removed, {replayed} replayed"

    def as_json(self) -> dict[str, Any]:
        return {
            "events": self.events,
            "aggregates": self.aggregates,
            "changed": self.changed,
            "removed": self.removed,
            "replayed": self.replayed,
            "notReplayed": self.not_replayed,
        }


async def rebuild(
    operator: Operator, read_model: ReadModels, on_progress: Progress = lambda _done, _all: None
) -> Rebuilt:
    """Make the read model equal to the stream. Safe to repeat, to interrupt, and to run beside the service."""
    result = Rebuilt()
    newest = await _newest_events(operator, read_model, result, on_progress)
    result.aggregates = len(newest)
    collection = operator.databases[read_model.service][read_model.collection]
    present = {document["_id"]: document for document in await collection.find({}).to_list(None)}
    writes: list[ReplaceOne[Document] | DeleteOne] = []
    to_replay: list[Event] = []
    for key, event in newest.items():
        expected = read_model.read_model.from_event(event).to_document()
        found = present.get(key)
        is_pending = bool(found and found.pop(REPLAY_PENDING, False))
        is_right = found == expected or (found and await _is_rightly_newer(operator, read_model, found, event))
        if not is_right:
            result.changed.append(key)
            marked = {**expected, REPLAY_PENDING: True}
            writes.append(ReplaceOne(_unless_newer_than(event.version, found, key), marked, upsert=True))
        if is_pending or not is_right:
            to_replay.append(event)
    for key in present.keys() - newest.keys():
        if not await _is_known(operator, read_model, key):
            result.removed.append(key)
            writes.append(DeleteOne({"_id": key, "version": present[key].get("version")}))
    for start in range(0, len(writes), _BATCH):
        await _write(collection, writes[start : start + _BATCH])
    result.not_replayed = await replay_events(operator, read_model.service, to_replay)
    result.replayed = [event.id for event in to_replay if event.id not in result.not_replayed]
    for start in range(0, len(result.replayed), _BATCH):
        some = result.replayed[start : start + _BATCH]
        unmark = UpdateMany({"_id": {"$in": some}}, {"$unset": {REPLAY_PENDING: 1}})
        await collection.bulk_write([unmark], ordered=False)
    return result


async def _write(collection: Collection, writes: list[ReplaceOne[Document] | DeleteOne]) -> None:
    try:
        await collection.bulk_write(writes, ordered=False)
    except BulkWriteError as error:
        # A duplicate key is no failure: the service has stored a newer version meanwhile.
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
            continue  # every consumer has dead-lettered it
        if event.id not in newest or newest[event.id].version < event.version:
            newest[event.id] = event
    on_progress(result.events, result.events)
    return newest


def _unless_newer_than(version: int, found: Document | None, key: str) -> Document:
    """The filter of a write: it replaces the document that was read, or a later one only if that is older."""
    older: list[Document] = [{"version": {"$lte": version}}]
    return {"_id": key, "$or": older + ([{"version": found.get("version")}] if found else [])}


async def _is_rightly_newer(operator: Operator, read_model: ReadModels, found: Document, event: Event) -> bool:
    """Whether a read model that is newer than all events that were read is right.

    It is if its event has arrived since, or if it agrees with its owner. In the second case its event was lost, and an
    older state would be wrong.
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
        return True  # the owner's document cannot be parsed, so nothing shows that the read model is wrong


async def _is_known(operator: Operator, read_model: ReadModels, key: object) -> bool:
    if not isinstance(key, str) or not key.isalnum():
        return False  # no aggregate has such an id, and a subject cannot contain it
    if await read_events_of(operator.broker, read_model.events[0], key):
        return True
    return await _original(operator, read_model, key) is not None


async def _original(operator: Operator, read_model: ReadModels, key: str) -> Document | None:
    owner = read_model.original
    return await operator.databases[owner.service][owner.collection].find_one({"_id": key})
