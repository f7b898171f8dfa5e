"""Lets an owner publish the present state of its aggregates again, after the stream has lost their events.

The command stages an event with the present state in the outbox of each document. The service finds these events in its
outboxes, as after a crash, and publishes them. An event has the version of its document. So a service that already
knows this version ignores the event, and it is safe to publish an event too often.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pymongo import UpdateOne

from common.domain.clock import utc_now
from common.domain.errors import first_problem
from common.domain.event import Event
from common.events.envelope import EVENT_ID, REPUBLISHED, StagedEvent
from common.events.tracing import continue_trace
from common.storage.collection import Collection, Document
from marketplace.operations.event_reader import Progress, no_progress
from marketplace.operations.operator import Operator
from marketplace.operations.outboxes import staged_in
from marketplace.operations.show import counted
from marketplace.operations.stored_data import OwnedAggregates

_BATCH = 500
_CAUSE = "marketplace republish"
_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 10.0
"""If the service publishes no event for this time, the command does not wait any longer."""
_STAGED_AGAIN = {"outbox.id": {"$exists": True}, f"outbox.headers.{REPUBLISHED}": "true"}


@dataclass
class Republished:
    """What republish() has done with the documents of one service."""

    staged: list[str] = field(default_factory=list)
    """The ids of the documents whose present state is in their outbox now, so that the service publishes it."""
    not_published: int = 0
    """The number of events that the service has not published yet. It publishes them when it runs."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """The documents that cannot be parsed, each with the reason."""
    unknown: list[str] = field(default_factory=list)
    """The ids for which the service has no document."""
    without_event: int = 0
    """The number of documents whose state no event reports, for example payments that were declined."""

    @property
    def summary(self) -> str:
        published = len(self.staged) - self.not_published
        return (
            f"{counted(published, 'event')} published again, {counted(self.without_event, 'document')} without an event"
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "staged": self.staged,
            "notPublished": self.not_published,
            "unreadable": self.unreadable,
            "unknown": self.unknown,
            "withoutEvent": self.without_event,
        }


async def republish(
    operator: Operator, owned: OwnedAggregates, ids: Sequence[str] = (), on_progress: Progress = no_progress
) -> Republished:
    """Let the service publish the present state of the aggregates with these ids. Without ids, of all its aggregates.

    Return when the service has published all these events. If it publishes none for 10 s, it probably does not run.
    Then return, too. The events stay in their outboxes, and the service publishes them when it runs. You may call this
    function again. It does not stage an event that still waits in an outbox.
    """
    collection = operator.databases[owned.service][owned.collection]
    query = {"_id": {"$in": ids}} if ids else {}
    documents = await collection.find(query, dict.fromkeys(owned.spec.secrets, 0)).to_list(None)
    result = Republished(unknown=sorted(set(ids) - {document["_id"] for document in documents}))
    writes = []
    for document in documents:
        try:
            event = owned.spec.read(document).current_event()
        except ValidationError as error:
            result.unreadable[str(document["_id"])] = first_problem(error)
            continue
        if event is None:
            result.without_event += 1
            continue
        result.staged.append(event.id)
        if not _is_staged_again(owned, document, event):
            writes.append(_stage(document, event))
    for start in range(0, len(writes), _BATCH):
        await collection.bulk_write(writes[start : start + _BATCH], ordered=False)
    if result.staged:
        result.not_published = await _until_published(collection, len(result.staged), on_progress)
    return result


def _is_staged_again(owned: OwnedAggregates, document: Document, event: Event) -> bool:
    return any(
        staged.headers.get(REPUBLISHED) and staged.headers.get(EVENT_ID) == event.event_id
        for staged in staged_in(owned, document)
    )


def _stage(document: Document, event: Event) -> UpdateOne:
    """Stage the event, unless the document changes in the meantime. Then the service publishes the newer state."""
    with continue_trace(None, cause=_CAUSE):
        staged = StagedEvent.stage_again(event, utc_now())
    return UpdateOne({"_id": event.id, "version": document["version"]}, {"$push": {"outbox": staged.to_document()}})


async def _until_published(collection: Collection, staged: int, on_progress: Progress) -> int:
    """Wait until the service has published all events. Return how many are left if it publishes none for 10 s."""
    left = await collection.count_documents(_STAGED_AGAIN)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while left and time.monotonic() < deadline:
        on_progress(max(staged - left, 0), staged)
        await asyncio.sleep(_POLL_SECONDS)
        before, left = left, await collection.count_documents(_STAGED_AGAIN)
        if left < before:
            deadline = time.monotonic() + _PATIENCE_SECONDS
    on_progress(staged - left, staged)
    return left
