"""Compares the events in the streams with the changes stored in the databases: one event per change."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator

from common.events.envelope import MESSAGE_ID, MalformedEvent, decode
from common.events.expiration import ExpirationCompleted
from common.messaging.streams import DOMAIN_EVENTS, GENERAL_EVENTS
from common.storage.collection import Document
from faults.context import ScenarioContext
from marketplace.operations.snapshot import Snapshot, take_snapshot
from marketplace.operations.stream_reader import read_stream
from orders.order import OrderStatus

Fact = tuple[str, str, int]
"""An event: its type, the aggregate's id and version; for `expiration.completed`, 0 instead of the version."""


async def wrong_event_counts(context: ScenarioContext) -> list[str]:
    """Return the events that are missing, have no stored change, or exist twice. Call it when the platform is idle.

    Open orders of another scenario may expire between the reading of the databases and of the streams. Therefore it
    reads both twice, and returns only what is wrong both times.
    """
    at_first = await _look(context)
    return [wrong for wrong in await _look(context) if wrong in at_first] if at_first else []


async def count_events(context: ScenarioContext) -> int:
    """Return the number of all events in the streams."""
    found, _ = await _events_in_the_streams(context)
    return found.total()


async def _look(context: ScenarioContext) -> list[str]:
    wanted = Counter(_facts(await take_snapshot(context.operator)))
    found, wrong = await _events_in_the_streams(context)
    for fact in sorted(wanted.keys() | found.keys()):
        if wanted[fact] != found[fact]:
            kind, key, version = fact
            wrong.append(f"{kind} of {key}, version {version}: {found[fact]} times, expected {wanted[fact]}")
    return wrong


async def _events_in_the_streams(context: ScenarioContext) -> tuple[Counter[Fact], list[str]]:
    """Return how often each event exists, and what is wrong with single messages."""
    found: Counter[Fact] = Counter()
    wrong = []
    for stream in (DOMAIN_EVENTS, GENERAL_EVENTS):
        async for message in read_stream(context.operator.broker, stream.name, list(stream.subjects)):
            if message.headers.get("ce-id") != message.headers.get(MESSAGE_ID):
                wrong.append(f"{message.subject}: ce-id and {MESSAGE_ID} differ")
            try:
                event = decode(message.subject, message.data)
            except MalformedEvent as error:
                wrong.append(f"{message.subject} is no event: {error}")
            else:
                # The version of a deadline depends on the order in which the events of its order have arrived.
                version = 0 if isinstance(event, ExpirationCompleted) else event.version
                found[event.type_name(), event.id, version] += 1
    return found, wrong


async def tickets_with_too_many_versions(context: ScenarioContext, ours: Collection[str]) -> list[str]:
    """Return those of these tickets that changed too often: an order holds its ticket once, and releases it once.

    Only for tickets that their seller has not changed since the listing, except to withdraw them.
    """
    snapshot = await take_snapshot(context.operator)
    may_change = Counter(dict.fromkeys(ours, 1))
    for order in snapshot.documents("orders", "orders").values():
        may_change[order["ticket"]["id"]] += 2 if order["status"] == OrderStatus.CANCELLED else 1
    tickets = snapshot.documents("tickets", "tickets")
    may_change.update(key for key in ours if tickets[key]["withdrawn"])
    return [
        f"the ticket {key} is at version {tickets[key]['version']}, expected at most {may_change[key]}"
        for key in ours
        if tickets[key]["version"] > may_change[key]
    ]


def _facts(snapshot: Snapshot) -> Iterator[Fact]:
    for (service, collection), facts_of in _FACTS.items():
        for key, document in snapshot.documents(service, collection).items():
            for event_type, version in facts_of(document):
                yield event_type, key, version


def _last_event_of_order(order: Document) -> list[tuple[str, int]]:
    fact = "extended" if order["status"] == OrderStatus.CREATED else order["status"]
    return [(f"order.{fact}", order["version"])]


_FACTS: dict[tuple[str, str], Callable[[Document], list[tuple[str, int]]]] = {
    ("auth", "users"): lambda _user: [("user.registered", 1)],
    ("tickets", "tickets"): lambda ticket: [
        ("ticket.created", 1),
        *(("ticket.updated", version) for version in range(2, ticket["version"] + (not ticket["withdrawn"]))),
        *([("ticket.withdrawn", ticket["version"])] if ticket["withdrawn"] else []),  # nothing happens to it later
    ],
    ("orders", "orders"): lambda order: [
        ("order.created", 1),
        *(("order.extended", version) for version in range(2, order["version"])),
        *(_last_event_of_order(order) if order["version"] > 1 else []),
    ],
    ("payments", "payments"): lambda payment: {
        "captured": [("payment.created", 2)],
        "refunded": [("payment.created", 2), ("payment.refunded", 3)],
    }.get(payment["status"], []),
    ("expiration", "deadlines"): lambda deadline: (
        [("expiration.completed", 0)] * ((deadline["status"] == "completed") + bool(deadline["reopened_from"]))
    ),
}
"""The events of each document, derived from its state (see docs/events.md)."""
