"""Compares the stored document of an aggregate (for example an order) with the aggregate's events.

The audit uses this to find out whether the document has the state of its newest event, and whether an event is lost.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b

from common.domain.event import Event
from common.events.envelope import REPUBLISHED, MalformedEvent, decode_event
from common.events.tickets import TicketEvent
from common.messaging.streams import stream_of
from common.storage.collection import Document
from marketplace.operations.difference import Difference
from marketplace.operations.operator import Operator
from marketplace.operations.show import as_json_text
from marketplace.operations.stored_data import AGGREGATES, OwnedAggregates
from marketplace.operations.stream_reader import read_stream

_LOST = "neither in the stream nor in its outbox"


@dataclass(slots=True)
class History:
    """The newest event of one aggregate, and what is necessary to compare all its events with each other.

    A version that is missing in `digests` shows that an event may be lost.
    """

    newest: Event
    digests: dict[int, bytes] = field(default_factory=dict)
    """Maps each version to a digest of its last event. Events with the same content have the same digest."""
    contradictory: frozenset[int] = frozenset()
    """The versions that have two events with different contents. This can happen after a restore from a backup."""
    republished: int = 0
    """The newest version that the owner has published again (see REPUBLISHED), or 0. No older event is necessary."""

    def add(self, event: Event, *, republished: bool = False) -> None:
        digest = _digest(event)
        # The digests also differ if one of the two events lacks a newer field. We can compare the fields of only the
        # newest event. This is enough, because an owner publishes only its present state again.
        if self.digests.get(event.version, digest) != digest and not self.newest.agrees_with(event):
            self.contradictory |= {event.version}
        self.digests[event.version] = digest
        if republished:
            self.republished = max(self.republished, event.version)
        # Of two events with one version, the later one counts, because after a restore the owner has published it.
        if event.version >= self.newest.version:
            self.newest = event

    @property
    def unsettled(self) -> list[int]:
        """The contradictory versions, without those that are older than a state that the owner has published again.

        After such an event, no service has the state of one of the two older events any more.
        """
        return sorted(version for version in self.contradictory if version >= self.republished)

    def copy(self) -> "History":
        return History(self.newest, dict(self.digests), self.contradictory, self.republished)


@dataclass
class Histories:
    """The history of every aggregate that has events in the streams.

    To save memory, the history of an aggregate contains only the newest event, and a short digest of each event.
    """

    _by_aggregate: dict[str, dict[str, History]] = field(default_factory=lambda: defaultdict(dict))
    """Maps the name of an aggregate (for example "order") to its histories, and these map an id to its history."""
    ticket_prices: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    """Maps the id of each ticket to its price at each version. With two events of a version, the later one counts."""
    _read_up_to: dict[str, int] = field(default_factory=lambda: defaultdict(int))

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
                    self.add(event, republished=_is_republished(message.headers))

    def add(self, event: Event, *, republished: bool = False) -> None:
        """Add an event of a stream. Call this method in the order of the stream."""
        self._by_aggregate[event.aggregate].setdefault(event.id, History(event)).add(event, republished=republished)
        if isinstance(event, TicketEvent):
            self.ticket_prices[event.id][event.version] = event.price

    def newest_versions(self, owned: OwnedAggregates) -> Iterator[tuple[str, int]]:
        """Yield the id of each aggregate of this owner that has events in the stream, and its newest version there."""
        for key, history in self._by_aggregate[owned.events[0].aggregate].items():
            yield key, history.newest.version

    def published_state(self, owned: OwnedAggregates, document: Document) -> Event | None:
        """Return an event with the state that every copy of this document must have. Return None if none may exist.

        The owner may publish an event for each version. Then this is the state of the document, even if the stream has
        lost its event. Otherwise the document may have a version without an event, for example a payment whose order
        is completed. Then a copy has the state of the newest event, in the stream or in the outbox. If the stream has
        lost all of them, the owner publishes its present state again.
        Raises pydantic's ValidationError if the document cannot be parsed.
        """
        if owned.spec.event_per_version:
            return owned.event(document)
        if history := self._with_outbox(owned, document):
            return history.newest
        return owned.event(document) if owned.is_published(document) else None

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
        state, newest = owned.state(document), history.newest
        # An event of an older version of the code may lack newer fields. We compare only the fields that it has.
        published = {name: value for name, value in newest.model_dump().items() if name in newest.model_fields_set}
        needed = range(history.republished + 1, state["version"] + 1)
        if owned.spec.event_per_version and (lost := set(needed) - history.digests.keys()):
            yield f"its event of version {', '.join(map(str, sorted(lost)))} is {_LOST}"
        yield from (f"has two different events of version {version}" for version in history.unsettled)
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
            # A part of the state may be only in the type, for example that a ticket is withdrawn.
            if (current := owned.event(document).type_name()) != newest.type_name():
                yield f"its newest event is {newest.type_name()}, but should be {current}"

    def _with_outbox(self, owned: OwnedAggregates, document: Document) -> History | None:
        history = self._by_aggregate[owned.events[0].aggregate].get(document["_id"])
        if not (outbox := document.get("outbox")):
            return history
        history = history and history.copy()
        for staged in outbox:
            with suppress(MalformedEvent):
                event = decode_event(staged["subject"], staged["data"].encode())
                history = history or History(event)
                history.add(event, republished=_is_republished(staged["headers"]))
        return history


def is_lost_event(owned: OwnedAggregates, difference: Difference) -> bool:
    """Return True if the difference says that an event of an aggregate of this owner is lost."""
    return difference.rule == owned.rule and _LOST in difference.detail


def _digest(event: Event) -> bytes:
    """Return a short digest of the decoded event, so that it does not matter how the publisher has written it as JSON.

    For example, an event that lacks an optional field has the same digest as one in which this field has its default.
    """
    return blake2b(f"{event.type_name()} {event.to_json()}".encode(), digest_size=8).digest()


def _is_republished(headers: dict[str, str]) -> bool:
    return headers.get(REPUBLISHED) == "true"
