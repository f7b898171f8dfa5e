"""Rebuilds a read model from the stream, while its service keeps running.

A rebuild replaces one document after the other. Each write happens only if the stored document is not newer. So the
service always finds a complete read model, and a rebuild does not overwrite an event that arrives in the meantime.

After the writes, the rebuild replays the newest event of each changed document to the service. The handlers of the
service then act on the event: the tickets service decides again which order holds a ticket, and the payments service
decides again what to refund.

The write that repairs a document also sets the mark REPLAY_PENDING in the document. The mark is necessary because a
rebuild may be interrupted, or the service may be down, before the event is replayed. The document is then already
correct, so without the mark the next rebuild could not know that it still has to replay the event.
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
"""A function that receives the number of events that the rebuild has read so far, and the number of all events."""

_BATCH = 500
_DUPLICATE_KEY = 11000
REPLAY_PENDING = "unheard"
"""The name of the field that marks a document as repaired, but not replayed.

The field says that a rebuild has repaired the document, but has not replayed the newest event to the service yet.
Services ignore the field. Its stored name "unheard" is an older word for "not replayed". We do not change this name,
because stored documents may already have the field.
"""


@dataclass
class Rebuilt:
    """The result of a rebuild. It says what the rebuild has read, changed and replayed."""

    events: int = 0
    aggregates: int = 0
    changed: list[str] = field(default_factory=list)
    """The ids of the documents that were missing, too old or wrong."""
    removed: list[str] = field(default_factory=list)
    """The ids of deleted documents. Their aggregates are neither in the stream nor in the database of the owner."""
    replayed: list[str] = field(default_factory=list)
    """The ids of the aggregates whose newest event this rebuild has replayed.

    These are the changed documents, and the documents that still had the mark of an earlier rebuild.
    """
    not_replayed: NotReplayed = field(default_factory=dict)
    """The ids whose newest event could not be replayed, because the service does not run or refuses the event."""

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
    """Change the read model so that it has the state of the newest events in the stream.

    You may interrupt this function, run it again, and run it while the service is running.
    """
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
        # A duplicate key is not a failure. It means that the service has stored a newer version in the meantime. Then
        # our filter does not match, and the upsert tries to insert a document whose id already exists.
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
    """Return the filter of the write that stores the state of the event with this `version`.

    The filter matches if the document is still the one that we have read (`found`). If the service has changed the
    document since then, the filter matches only if the new version is not newer than `version`.
    """
    older: list[Document] = [{"version": {"$lte": version}}]
    return {"_id": key, "$or": older + ([{"version": found.get("version")}] if found else [])}


async def _is_rightly_newer(operator: Operator, read_model: ReadModels, found: Document, event: Event) -> bool:
    """Return True if the document `found` is newer than `event`, and this newer state is right.

    `event` is the newest event that the rebuild has read. The newer state is right in two cases. In the first case, the
    stream now has an event with this version, because the event arrived after we read the stream. In the second case,
    the state is equal to the owner's state. Then the event was lost, and the older state of `event` would be wrong.
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
        return False  # no aggregate has such an id, and the subject of an event cannot contain such an id
    if await read_events_of(operator.broker, read_model.events[0], key):
        return True
    return await _original(operator, read_model, key) is not None


async def _original(operator: Operator, read_model: ReadModels, key: str) -> Document | None:
    owner = read_model.original
    return await operator.databases[owner.service][owner.collection].find_one({"_id": key})
