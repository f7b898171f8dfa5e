"""Compares the stored document of each aggregate (for example an order) with the aggregate's events.

The audit uses this to find out whether the document has the state of its newest event, and whether an event is lost.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from common.domain.event import Event
from common.events.envelope import MalformedEvent, decode_event
from common.messaging.streams import stream_of
from common.storage.collection import Document
from marketplace.operations.difference import Difference
from marketplace.operations.operator import Operator
from marketplace.operations.show import as_json_text
from marketplace.operations.stored_data import AGGREGATES, OwnedAggregates
from marketplace.operations.stream_reader import read_stream

_LOST = "neither in the stream nor in its outbox"


@dataclass
class History:
    """The newest event of one aggregate, and the versions of all its events.

    A version that is missing in `versions` shows that an event may be lost.
    """

    newest: Event
    versions: set[int] = field(default_factory=set)

    def add(self, event: Event) -> None:
        self.versions.add(event.version)
        if event.version > self.newest.version:
            self.newest = event


@dataclass
class Histories:
    """The history of every aggregate that has events in the streams.

    To save memory, the history of an aggregate contains only the newest event, and the version numbers of all events.
    """

    _by_owner: dict[str, dict[str, History]] = field(default_factory=lambda: {owned.name: {} for owned in AGGREGATES})
    _read_up_to: dict[str, int] = field(default_factory=lambda: {owned.name: 0 for owned in AGGREGATES})

    async def catch_up(self, operator: Operator) -> None:
        """Read the events that NATS has stored since the last call of this method.

        The first call reads all events. The audit calls this method again before each comparison.
        """
        for owned in AGGREGATES:
            subjects = [event.subjects() for event in owned.events]
            read = read_stream(
                operator.broker,
                stream_of(owned.events[0]).name,
                subjects,
                from_sequence=self._read_up_to[owned.name] + 1,
            )
            async for message in read:
                self._read_up_to[owned.name] = message.sequence
                # We skip an event that cannot be parsed. The comparison then treats it as missing in the stream.
                with suppress(MalformedEvent):
                    event = decode_event(message.subject, message.data)
                    _add(self._by_owner[owned.name], event)

    def differences(self, owned: OwnedAggregates, document: Document) -> Iterator[str]:
        """Compare the stored document of an aggregate with the aggregate's events, and yield one text per difference.

        The published events are in the stream. Each document has its own outbox, a list of the events that its service
        has not published yet. This method compares the document with the events in both.
        """
        history = self._with_outbox(owned, document)
        if history is None:
            if owned.is_published(document):
                yield f"has no event, {_LOST}"
            return
        state, published = owned.state(document), history.newest.model_dump()
        if owned.spec.event_per_version and (lost := set(range(1, state["version"] + 1)) - history.versions):
            yield f"its event of version {', '.join(map(str, sorted(lost)))} is {_LOST}"
        if published["version"] > state["version"]:
            yield f"is at version {state['version']}, but its newest event has version {published['version']}"
        elif not owned.is_published(document):
            yield f"is {document.get('status')}, but the stream has an event of its version {published['version']}"
        # If each version must have an event, and the newest event is older than the document, an event is lost. We have
        # yielded this above (see `lost`), so we do not also compare the fields.
        elif not owned.spec.event_per_version or published["version"] == state["version"]:
            for name, value in published.items():
                if name != "version" and state.get(name, value) != value:
                    yield f"{name} is {as_json_text(state[name])}, but {as_json_text(value)} in its newest event"

    def _with_outbox(self, owned: OwnedAggregates, document: Document) -> History | None:
        stored = self._by_owner[owned.name].get(document["_id"])
        known = {document["_id"]: History(stored.newest, set(stored.versions))} if stored else {}
        for staged in document.get("outbox", []):
            with suppress(MalformedEvent):
                _add(known, decode_event(staged["subject"], staged["data"].encode()))
        return known.get(document["_id"])


def is_lost_event(owned: OwnedAggregates, difference: Difference) -> bool:
    """Return True if the difference says that an event of an aggregate of this owner is lost."""
    return difference.rule == owned.rule and _LOST in difference.detail


def _add(histories: dict[str, History], event: Event) -> None:
    histories.setdefault(event.id, History(event)).add(event)
