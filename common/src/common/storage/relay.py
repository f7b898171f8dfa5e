"""The methods of the outbox relay that a repository needs.

A repository stores the events of an aggregate in the outbox, which is an array in the document of the aggregate. The
outbox relay (common.messaging.outbox_relay) publishes these events and removes them from the outbox.
"""

from collections.abc import Iterable
from typing import Protocol

from common.events.envelope import StagedEvent
from common.storage.collection import Collection


class Relay(Protocol):
    def add_collection(self, collection: Collection, /) -> None:
        """Tell the relay to search this collection regularly for unpublished events, and to publish them.

        The unpublished events are in the outboxes, which are arrays in the documents of the collection. So the relay
        also publishes events that were stored before a crash of the service.
        """

    def enqueue(self, collection: Collection, aggregate_id: str, staged: Iterable[StagedEvent], /) -> None:
        """Tell the relay to publish these events soon. The events must already be stored in the database.

        This method only puts the events into a queue, so it never waits and never raises an error. If the queue is
        full, or if the relay cannot publish an event from the queue, the relay finds the event later in the database.
        """
