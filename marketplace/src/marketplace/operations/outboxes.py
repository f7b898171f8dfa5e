"""Reads and counts the events in the outboxes, which are not published yet, for the commands for operators."""

from dataclasses import dataclass
from typing import Any

from common.domain.clock import utc_now
from common.events.envelope import StagedEvent
from common.messaging.outbox import outbox_entries, outbox_reader
from common.storage.collection import Document
from marketplace.operations.operator import Operator
from marketplace.operations.show import counted
from marketplace.operations.stored_data import AGGREGATES, OwnedAggregates

_STUCK_AFTER_SECONDS = 10.0


@dataclass(frozen=True)
class Outboxes:
    """The events in all outboxes of one collection."""

    collection: str
    """The service and its collection, for example "orders orders"."""
    waiting: int
    """The number of events that are not published yet."""
    unreadable: int
    """The number of these events that cannot be parsed. The service never publishes them."""
    oldest_seconds: float | None
    """How many seconds ago the oldest of these events was staged. None if there is no event."""

    @property
    def problem(self) -> str:
        """A sentence for the operator if an event cannot be parsed or was not published within 10 s. Otherwise ""."""
        if self.unreadable:
            unreadable = counted(self.unreadable, "staged event")
            return f"{self.collection}: {unreadable} cannot be read. `marketplace audit` names the documents."
        if self.oldest_seconds is not None and self.oldest_seconds > _STUCK_AFTER_SECONDS:
            return (
                f"{self.collection}: {counted(self.waiting, 'event')} not published yet; the oldest has waited for "
                f"{self.oldest_seconds:.0f} s. The log of the service says why."
            )
        return ""

    def as_json(self) -> dict[str, Any]:
        return {
            "collection": self.collection,
            "waiting": self.waiting,
            "unreadable": self.unreadable,
            "oldestSeconds": self.oldest_seconds,
        }


async def measure_outboxes(operator: Operator) -> list[Outboxes]:
    """Return the outboxes of each collection of aggregates. The list is empty if MongoDB does not answer."""
    if not operator.databases:
        return []
    return [await _outboxes_of(operator, owned) for owned in AGGREGATES]


def staged_in(owned: OwnedAggregates, document: Document) -> list[StagedEvent]:
    """Return the events in the outbox of one document. Leave out those that cannot be parsed."""
    return outbox_reader(owned.collection).read_all(outbox_entries(document) if document.get("outbox") else [])


async def _outboxes_of(operator: Operator, owned: OwnedAggregates) -> Outboxes:
    found = operator.databases[owned.service][owned.collection].find({"outbox.id": {"$exists": True}}, {"outbox": 1})
    entries = [entry for document in await found.to_list(None) for entry in outbox_entries(document)]
    staged = outbox_reader(owned.collection).read_all(entries)
    # If the clock was ahead when an event was staged, its time is in the future.
    ages = [abs((utc_now() - event.staged_at).total_seconds()) for event in staged]
    return Outboxes(owned.name, len(entries), len(entries) - len(staged), max(ages, default=None))
