"""What a repository needs of the outbox relay (common.messaging.outbox_relay), which publishes stored events."""

from collections.abc import Iterable
from typing import Protocol

from common.events.envelope import StagedEvent
from common.storage.collection import Collection


class Outbox(Protocol):
    def add_collection(self, collection: Collection, /) -> None:
        """Publish the events that lie in the outboxes of this collection of aggregates, also after a crash."""

    def enqueue(self, collection: Collection, aggregate_id: str, staged: Iterable[StagedEvent], /) -> None:
        """Publish these events soon. Never waits and never fails: polling finds what is not published."""
