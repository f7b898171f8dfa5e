"""Counts the events in the outboxes, which are not published yet, for the command `marketplace lag`."""

from dataclasses import dataclass
from typing import Any

from common.domain.clock import utc_now
from common.storage.collection import Document
from marketplace.operations.operator import Operator
from marketplace.operations.stored_data import AGGREGATES, OwnedAggregates
from marketplace.operations.unreadable import read_staged_event

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
            return f"{self.collection}: {self.unreadable} staged events cannot be read. `marketplace audit` names them."
        if self.oldest_seconds is not None and self.oldest_seconds > _STUCK_AFTER_SECONDS:
            return (
                f"{self.collection}: {self.waiting} events are not published, the oldest since "
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


async def _outboxes_of(operator: Operator, owned: OwnedAggregates) -> Outboxes:
    found = operator.databases[owned.service][owned.collection].find({"outbox.id": {"$exists": True}}, {"outbox": 1})
    events: list[Document] = []
    for document in await found.to_list(None):
        events += document["outbox"] if isinstance(document["outbox"], list) else [document["outbox"]]
    staged = [read_staged_event(event) for event in events]
    # If the clock was ahead when an event was staged, its time is in the future.
    ages = [abs((utc_now() - event.staged_at).total_seconds()) for event in staged if event is not None]
    return Outboxes(owned.name, len(events), staged.count(None), max(ages, default=None))
