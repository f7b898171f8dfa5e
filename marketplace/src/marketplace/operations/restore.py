"""Completes the database of a service that was restored from an older backup, with the events in the stream.

An event contains the state of its aggregate. So the newest event of an aggregate says what its document must contain.
Each document gets the version of its newest event. So the service never publishes two different events with the same
version, because an id of an event consists of the id and the version of its aggregate.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from common.domain.clock import utc_now
from common.domain.errors import first_problem
from common.domain.event import Event
from common.events.envelope import MalformedEvent, StagedEvent, decode_event
from common.events.tracing import continue_trace
from common.messaging.newest_events import PublishedEvent, newest_events
from common.runtime.restore_check import ACCEPTED, RESTORES, contains
from common.storage.collection import Collection, Document
from marketplace.operations.event_reader import (
    NewestEvents,
    Progress,
    no_progress,
    read_all_events,
    read_newest_events,
)
from marketplace.operations.operator import Operator
from marketplace.operations.outboxes import staged_in
from marketplace.operations.rebuild import rebuild
from marketplace.operations.show import counted
from marketplace.operations.stored_data import READ_MODELS, OwnedAggregates

_BATCH = 500
_CAUSE = "marketplace restore-done"

Write = UpdateOne | InsertOne[Document]


@dataclass
class Restored:
    """What restore() has done with the documents of one service. Each list and dict contains ids of documents."""

    events: int = 0
    """The number of events that were read."""
    updated: list[str] = field(default_factory=list)
    """The documents that were older than their newest event. They now have the state of this event."""
    created: list[str] = field(default_factory=list)
    """The documents that were missing. They now have the state of their newest event."""
    republished: list[str] = field(default_factory=list)
    """The documents that the service has changed after its database was restored.

    They keep their state, but have a new version, which no event had before. The service publishes it.
    """
    read_models: list[str] = field(default_factory=list)
    """The documents of the service's read models that were repaired. Read models are copies of other services' data."""
    not_restored: dict[str, str] = field(default_factory=dict)
    """The documents that could not be completed, each with the reason."""

    @property
    def summary(self) -> str:
        done = [
            f"{counted(self.events, 'event')} read",
            f"{counted(len(self.updated), 'document')} updated",
            f"{len(self.created)} created",
            f"{len(self.republished)} given a new version",
            f"{counted(len(self.read_models), 'read model')} repaired",
        ]
        return ", ".join(done)

    def as_json(self) -> dict[str, Any]:
        return {
            "events": self.events,
            "updated": self.updated,
            "created": self.created,
            "republished": self.republished,
            "readModels": self.read_models,
            "notRestored": self.not_restored,
        }


async def restore(operator: Operator, owned: OwnedAggregates, on_progress: Progress = no_progress) -> Restored:
    """Give each document of the owner the state of its newest event, unless the document is as new as this event.

    First, rebuild the read models of the service, which are as old as the rest of the database. Otherwise the service
    would start, and sell tickets at old prices. The service does not run yet, so it does not handle the newest events
    of the read models again. `marketplace audit --repair` makes up for this.

    Afterwards, let the service start, although some documents could not be completed (see Restored.not_restored). You
    may call this function again, and also while the service is running. It never overwrites a newer state.
    """
    result = Restored()
    for read_model in READ_MODELS:
        if read_model.service == owned.service:
            result.read_models += (await rebuild(operator, read_model)).changed
    database = operator.databases[owned.service]
    collection = database[owned.collection]
    newest_of_types = await newest_events(operator.broker, owned.service)
    newest = await read_newest_events(operator.broker, owned.events, on_progress)
    result.events = newest.events
    hidden = dict.fromkeys(owned.spec.secrets, 0)
    present = {document["_id"]: document for document in await collection.find({}, hidden).to_list(None)}
    states: dict[str, Event] = {}
    for key in present.keys() & newest.of_aggregate.keys():
        try:
            states[key] = owned.event(present[key])
        except ValidationError as error:
            result.not_restored[key] = f"the document cannot be read: {first_problem(error)}"
    changed = await _changed_since_the_restore(operator, owned, present, states, newest)
    updates: dict[str, Write] = {}
    creations: dict[str, Write] = {}
    for event in _the_last_ones_last(newest, newest_of_types):
        try:
            if event.id not in present:
                creations[event.id] = _creation(owned, event)
            elif event.id in changed:
                updates[event.id] = _new_version(owned, present[event.id], event)
            elif event.id in states and states[event.id].version < event.version:
                updates[event.id] = _update(owned, states[event.id].version, event)
        except ValidationError as error:
            result.not_restored[event.id] = f"its event does not contain everything: {first_problem(error)}"
    # All updates come before the first creation. Otherwise a unique index may refuse a new document, for example an
    # order, because of the old state of another document.
    result.not_restored |= await _write(collection, updates)
    result.not_restored |= await _write(collection, creations)
    result.created = [key for key in creations if key not in result.not_restored]
    written = [key for key in updates if key not in result.not_restored]
    result.updated = [key for key in written if key not in changed]
    result.republished = [key for key in written if key in changed]
    result.not_restored = await _accept(database[RESTORES], collection, newest_of_types) | result.not_restored
    return result


async def _accept(restores: Collection, collection: Collection, events: list[PublishedEvent]) -> dict[str, str]:
    """Let the service start without these events, if the collection does not contain them.

    For each of them that it does not contain, return the id of the aggregate and the reason. For example, the event may
    be of a newer version of the service, so that it cannot be parsed.
    """
    event_ids = [event.event_id for event in events]
    await restores.update_one({"_id": ACCEPTED}, {"$set": {"event_ids": event_ids}}, upsert=True)
    lacking = [event for event in events if not await contains([collection], event)]
    return {event.aggregate_id: f"the database lacks its event {event.event_id}" for event in lacking}


def _the_last_ones_last(newest: NewestEvents, of_types: list[PublishedEvent]) -> list[Event]:
    """Return the newest event of each aggregate. The newest event of each type comes at the end.

    A service that waits for the restore looks only for these events. So it does not start before all others are done.
    """
    last = {event.aggregate_id for event in of_types}
    return sorted(newest.of_aggregate.values(), key=lambda event: event.id in last)


def _creation(owned: OwnedAggregates, event: Event) -> Write:
    return InsertOne({**owned.spec.aggregate.from_event(event).to_document(), "outbox": []})


def _update(owned: OwnedAggregates, version: int, event: Event) -> Write:
    """Replace only the fields that the event determines. The document may have others, such as a hash of a password."""
    state = owned.spec.aggregate.from_event(event).model_dump(exclude_unset=True, exclude={"id"})
    return UpdateOne({"_id": event.id, "version": version}, {"$set": state})


def _new_version(owned: OwnedAggregates, found: Document, event: Event) -> Write:
    """Give the document a version that no event has, and stage the event of this version.

    Remove the staged events of the document. Their ids are taken, and the new event contains the whole state.
    """
    aggregate = owned.spec.read({**found, "version": event.version + 1})
    current = aggregate.current_event()
    with continue_trace(None, cause=_CAUSE):
        outbox = [StagedEvent.stage_again(current, utc_now()).to_document()] if current else []
    change = {"$set": {"version": aggregate.version, "outbox": outbox}}
    return UpdateOne({"_id": event.id, "version": found["version"]}, change)


async def _changed_since_the_restore(
    operator: Operator,
    owned: OwnedAggregates,
    present: dict[str, Document],
    states: dict[str, Event],
    newest: NewestEvents,
) -> set[str]:
    """Return the ids of the documents that the service has changed after its database was restored.

    `states` contains an event with the state of each document. The state of such a document, or an event in its outbox,
    has the version of an event in the stream, but another content.
    """
    suspects: dict[tuple[str, int], list[Event]] = {}
    for key, state in states.items():
        staged = _staged_events(owned, present[key])
        if staged or not newest.of_aggregate[key].agrees_with(state):
            for event in (state, *staged):
                suspects.setdefault((key, event.version), []).append(event)
    changed: set[str] = set()
    if suspects:
        async for event in read_all_events(operator.broker, owned.events, no_progress):
            if not all(event.agrees_with(ours) for ours in suspects.get((event.id, event.version), ())):
                changed.add(event.id)
    return changed


def _staged_events(owned: OwnedAggregates, document: Document) -> list[Event]:
    found = []
    for staged in staged_in(owned, document):
        with suppress(MalformedEvent):
            found.append(decode_event(staged.subject, staged.data.encode()))
    return found


async def _write(collection: Collection, writes: dict[str, Write]) -> dict[str, str]:
    """Write all documents. Return the ids of those that MongoDB has refused, each with the reason."""
    refused: dict[str, str] = {}
    keys = list(writes)
    for start in range(0, len(keys), _BATCH):
        batch = keys[start : start + _BATCH]
        try:
            await collection.bulk_write([writes[key] for key in batch], ordered=False)
        except BulkWriteError as error:
            for problem in error.details["writeErrors"]:
                refused[batch[problem["index"]]] = f"MongoDB has refused it: {problem['errmsg']}"
    return refused
