"""Rebuilding a replica from the stream, while its service keeps running.

Document by document and in place, each write guarded by the version, so that the service never sees a replica that is
half there, and never loses an event that arrives meanwhile. What was changed is then told to the service once more, as
a replay of its newest event, so that it draws its conclusions: tickets who holds a ticket, payments what to refund.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pymongo import DeleteOne, ReplaceOne
from pymongo.errors import BulkWriteError

from common.events.base import Event
from common.messaging.envelope import MalformedEvent, decode
from common.messaging.streams import stream_of
from common.mongo import Document
from marketplace.operations.operator import Operator
from marketplace.operations.replicas import ReplicaOf
from marketplace.operations.retell import retell
from marketplace.operations.stream_reader import count_messages, read_events_of, read_stream

Progress = Callable[[int, int], None]
"""Called with how many events have been read, and of how many."""

_BATCH = 500
_DUPLICATE_KEY = 11000


@dataclass
class Rebuilt:
    events: int = 0
    aggregates: int = 0
    changed: list[str] = field(default_factory=list)
    """Ids whose replica was missing, old or wrong."""
    removed: list[str] = field(default_factory=list)
    """Ids that neither the stream nor the owner knows."""
    unheard: list[str] = field(default_factory=list)
    """Changed ids that the service could not be told of, because it is not running or refused."""

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


async def rebuild(operator: Operator, replica: ReplicaOf, on_progress: Progress = lambda _done, _all: None) -> Rebuilt:
    """Make the replica what the stream says. Safe to repeat, to interrupt, and to run beside the service."""
    result = Rebuilt()
    newest = await _newest_events(operator, replica, result, on_progress)
    result.aggregates = len(newest)
    collection = operator.databases[replica.service][replica.collection]
    present = {document["_id"]: document for document in await collection.find({}).to_list(None)}
    writes: list[ReplaceOne[Document] | DeleteOne] = []
    for key, event in newest.items():
        wanted = replica.replica.from_event(event).to_document()
        found = present.get(key)
        if found == wanted or (found and await _is_rightly_newer(operator, replica, found, event)):
            continue
        result.changed.append(key)
        writes.append(ReplaceOne(_unless_newer_than(event.version, found, key), wanted, upsert=True))
    for key in present.keys() - newest.keys():
        if not await _is_known(operator, replica, key):
            result.removed.append(key)
            writes.append(DeleteOne({"_id": key, "version": present[key].get("version")}))
    for start in range(0, len(writes), _BATCH):
        try:
            await collection.bulk_write(writes[start : start + _BATCH], ordered=False)
        except BulkWriteError as error:
            # A duplicate key: the service itself has stored a newer version meanwhile, which is what is wanted.
            if any(problem["code"] != _DUPLICATE_KEY for problem in error.details["writeErrors"]):
                raise
    result.unheard = await retell(operator, replica.service, [newest[key] for key in result.changed])
    return result


async def _newest_events(
    operator: Operator, replica: ReplicaOf, result: Rebuilt, on_progress: Progress
) -> dict[str, Event]:
    stream = stream_of(replica.events[0]).name
    subjects = [event.subjects() for event in replica.events]
    total = await count_messages(operator.broker, stream, subjects)
    newest: dict[str, Event] = {}
    async for message in read_stream(operator.broker, stream, subjects):
        result.events += 1
        if result.events % _BATCH == 0:
            on_progress(result.events, max(total, result.events))
        try:
            event = decode(message.subject, message.data)
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


async def _is_rightly_newer(operator: Operator, replica: ReplicaOf, found: Document, event: Event) -> bool:
    """Whether something accounts for a replica that is newer than all events that were read.

    An event that has come since; or the owner itself: then its event was lost, and going back would make it worse.
    """
    version = found.get("version")
    if not isinstance(version, int) or version <= event.version:
        return False
    if version in [each.version for each in await read_events_of(operator.broker, type(event), event.id)]:
        return True
    original = await _original(operator, replica, event.id)
    return original is not None and replica.of(original) == found


async def _is_known(operator: Operator, replica: ReplicaOf, key: object) -> bool:
    if not isinstance(key, str) or not key.isalnum():
        return False  # nothing that has ever been an id; and it could not be part of a subject
    if await read_events_of(operator.broker, replica.events[0], key):
        return True
    return await _original(operator, replica, key) is not None


async def _original(operator: Operator, replica: ReplicaOf, key: str) -> Document | None:
    owner = replica.original
    return await operator.databases[owner.service][owner.collection].find_one({"_id": key})
