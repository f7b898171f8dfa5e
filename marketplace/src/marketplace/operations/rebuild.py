"""Rebuilds a read model from the events in the stream, while the service of the read model keeps running.

A read model is a collection in which a service stores a copy of another service's data. A rebuild does not delete this
collection. It changes only the documents that are missing or wrong, so the service can use the read model all the time.
If the service stores a newer state of one of these documents in the meantime, the rebuild does not overwrite it.

After the writes, the rebuild replays the newest event of each changed document. This means that it asks the service to
handle the event again. So the service also corrects the data that depend on the read model. For example, the tickets
service decides again which order holds a ticket, and the payments service decides again what to refund.

The write that repairs a document also sets the field REPLAY_PENDING in the document. This field is necessary because
the rebuild may be interrupted, or the service may be down, before the event is replayed. The document is then already
correct. Without the field, the next rebuild could not know that it still has to replay the event.
"""

from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pymongo import DeleteOne, ReplaceOne, UpdateMany
from pymongo.errors import BulkWriteError

from common.domain.event import Event
from common.storage.collection import Collection, Document
from marketplace.operations.event_reader import Progress, no_progress, read_events_of, read_newest_events
from marketplace.operations.operator import Operator
from marketplace.operations.replay_events import NotReplayed, replay_events
from marketplace.operations.show import counted
from marketplace.operations.stored_data import ReadModels
from marketplace.registry import CONSUMERS_OF

_BATCH = 500
_DUPLICATE_KEY = 11000
_NAMED = 3
"""The summary of a rebuild names at most this number of ids."""
REPLAY_PENDING = "unheard"
"""The name of a field in the documents of read models.

If a document has this field, a rebuild has repaired the document, but has not replayed its newest event yet. To replay
an event means to ask the service to handle the event again. Services ignore the field. Its name in the database is
"unheard", which is an older word for "not replayed". We do not change this name, because stored documents may already
have the field.
"""


@dataclass
class Rebuilt:
    """The result of the rebuild of a read model. It says what the rebuild has read, changed and replayed."""

    owner: str
    """The service that owns the original data."""
    events: int = 0
    aggregates: int = 0
    changed: list[str] = field(default_factory=list)
    """The ids of the documents that the rebuild has written, because they were missing or had a wrong state."""
    without_owner: list[str] = field(default_factory=list)
    """Those ids in `changed` of which the owner's database has no document, for example because the database was lost.

    The stream still has their events, so the rebuild has written them. A person must decide whether they should exist.
    """
    removed: list[str] = field(default_factory=list)
    """The ids of the documents that the rebuild has deleted.

    It deletes a document if there is no event with this id in the stream, and no published original document with this
    id in the database of the service that owns the original data.
    """
    replayed: list[str] = field(default_factory=list)
    """The ids of the aggregates whose newest event the rebuild has replayed. The service has handled it again.

    This rebuild has changed their documents. Or an earlier rebuild has changed them, but has not replayed their events.
    """
    not_replayed: NotReplayed = field(default_factory=dict)
    """The aggregates whose newest event the rebuild could not replay. The service has not handled it again.

    The key is the id of the aggregate. The value is the reason, for example that the service does not run.
    """

    @property
    def summary(self) -> str:
        changed, replayed = counted(len(self.changed), "document"), counted(len(self.replayed), "event")
        done = f"{changed} repaired, {len(self.removed)} removed, {replayed} replayed"
        if not (lost := self.without_owner):
            return done
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        return (
            f"{done}; {len(lost)} of the repaired ones "
            f"{'is' if len(lost) == 1 else 'are'} not in the database of {self.owner}: {', '.join(lost[:_NAMED])}{more}"
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "events": self.events,
            "aggregates": self.aggregates,
            "changed": self.changed,
            "withoutOwner": self.without_owner,
            "removed": self.removed,
            "replayed": self.replayed,
            "notReplayed": self.not_replayed,
        }


async def rebuild(operator: Operator, read_model: ReadModels, on_progress: Progress = no_progress) -> Rebuilt:
    """Change the read model so that each document has the state of its newest event in the stream.

    `read_model` is a collection of copies of another service's data. After the change, ask the service that has the
    copies to handle the newest event of each changed document again. You may call this function while the service is
    running, because the writes do not overwrite a newer state that the service stores in the meantime. If the function
    was interrupted, call it again. The second call does what is left.
    """
    result = Rebuilt(read_model.original.service)
    read = await read_newest_events(operator.broker, read_model.events, on_progress)
    newest = read.of_aggregate
    result.events, result.aggregates = read.events, len(newest)
    collection = operator.databases[read_model.service][read_model.collection]
    with_defaults = read_model.read_model.with_defaults
    present = {document["_id"]: with_defaults(document) for document in await collection.find({}).to_list(None)}
    writes: list[ReplaceOne[Document] | DeleteOne] = []
    to_replay: list[Event] = []
    for key, event in newest.items():
        expected = read_model.after(event)
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
    result.without_owner = await _without_owner(operator, read_model, result.changed)
    result.not_replayed = await replay_events(operator, CONSUMERS_OF[read_model.service], to_replay)
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
        # The error "duplicate key" is not a failure. It means that the service has stored a newer version in the
        # meantime, so our filter did not match, and MongoDB refused to insert a second document with the same id.
        if any(problem["code"] != _DUPLICATE_KEY for problem in error.details["writeErrors"]):
            raise


def _unless_newer_than(version: int, found: Document | None, key: str) -> Document:
    """Return a filter for a write that must not replace a newer state, which the service has stored in the meantime.

    The filter matches the stored document in two cases. First, its version is not higher than `version`, the version of
    the event that we write. Second, it still has the version of `found`, the document that the rebuild has read.
    """
    older: list[Document] = [{"version": {"$lte": version}}]
    return {"_id": key, "$or": older + ([{"version": found.get("version")}] if found else [])}


async def _is_rightly_newer(operator: Operator, read_model: ReadModels, found: Document, event: Event) -> bool:
    """Return True if the document `found` of the read model is newer than `event`, and its newer state is right.

    `event` is the newest event of the aggregate that the rebuild has read. The newer state is right in two cases.
    First, an event with the version of `found` has arrived in the stream in the meantime. Second, `found` is equal to
    the original data in the other service's database, and the stream has lost the event.
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
        return True  # the original document cannot be parsed, so nothing shows that its copy `found` is wrong


async def _is_known(operator: Operator, read_model: ReadModels, key: object) -> bool:
    """Return True if an aggregate with this id was published, as far as its events or its original document show."""
    if not isinstance(key, str) or not key.isalnum():
        return False  # no aggregate has an id like this, and we could not use it in a NATS subject
    if await read_events_of(operator.broker, read_model.events[0], key):
        return True
    original = await _original(operator, read_model, key)
    try:
        return original is not None and read_model.original.is_published(original)
    except ValidationError:
        return True  # nothing shows that the copy is wrong


async def _without_owner(operator: Operator, read_model: ReadModels, ids: list[str]) -> list[str]:
    owner = read_model.original
    originals = operator.databases[owner.service][owner.collection]
    owned: set[str] = set()
    for start in range(0, len(ids), _BATCH):
        found = originals.find({"_id": {"$in": ids[start : start + _BATCH]}}, {"_id": 1})
        owned |= {document["_id"] for document in await found.to_list(None)}
    return [key for key in ids if key not in owned]


async def _original(operator: Operator, read_model: ReadModels, key: str) -> Document | None:
    owner = read_model.original
    return await operator.databases[owner.service][owner.collection].find_one({"_id": key})
