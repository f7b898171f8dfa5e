"""The methods of the outbox relay that a repository needs.

The outbox relay (common.messaging.outbox_relay) publishes the events that a repository has stored.
"""

from collections.abc import Iterable
from typing import Protocol

from common.events.envelope import StagedEvent
from common.storage.collection import Collection


class Outbox(Protocol):
    def add_collection(self, collection: Collection, /) -> None:
        """Publish the events in the outboxes of this collection, also the events that were stored before a crash."""

    def enqueue(self, collection: Collection, aggregate_id: str, staged: Iterable[StagedEvent], /) -> None:
        """Publish these events soon.

        This method never waits and never raises an error. If an event is not published in this way, outbox polling
        finds and publishes the event later.
        """
