"""The events in the streams, held against the changes that the services have committed: each has to be there once."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator

from common.events.envelope import MalformedEvent, decode
from common.messaging.streams import DOMAIN_EVENTS, GENERAL_EVENTS
from common.storage.collection import Document
from faults.world import World
from marketplace.operations.snapshot import Snapshot, take_snapshot
from marketplace.operations.stream_reader import read_stream
from orders.order import OrderStatus

Fact = tuple[str, str, int]
"""An event: its type, its aggregate's id, its aggregate's version."""


async def events_unlike_changes(world: World) -> list[str]:
    """Events that are missing, that nobody has committed, or that are there twice. To be asked when all is quiet.

    Orders that another scenario has left open may expire between the look at the databases and the one at the streams:
    only what is wrong at two looks is wrong.
    """
    at_first = await _look(world)
    return [wrong for wrong in await _look(world) if wrong in at_first] if at_first else []


async def _look(world: World) -> list[str]:
    wanted = Counter(_facts(await take_snapshot(world.operator)))
    found: Counter[Fact] = Counter()
    wrong = []
    for stream in (DOMAIN_EVENTS, GENERAL_EVENTS):
        async for message in read_stream(world.operator.broker, stream.name, list(stream.subjects)):
            try:
                event = decode(message.subject, message.data)
            except MalformedEvent as error:
                wrong.append(f"{message.subject} is no event: {error}")
            else:
                found[event.type_name(), event.id, event.version] += 1
    for fact in sorted(wanted.keys() | found.keys()):
        if wanted[fact] != found[fact]:
            kind, key, version = fact
            wrong.append(f"{kind} of {key}, version {version}: {found[fact]} times, not {wanted[fact]}")
    return wrong


async def tickets_changed_too_often(world: World, ours: Collection[str]) -> list[str]:
    """Of these, which nobody has edited since they were listed: an order may hold its ticket once, and free it once."""
    snapshot = await take_snapshot(world.operator)
    may_change = Counter(dict.fromkeys(ours, 1))
    for order in snapshot.documents("orders", "orders").values():
        may_change[order["ticket"]["id"]] += 2 if order["status"] == OrderStatus.CANCELLED else 1
    tickets = snapshot.documents("tickets", "tickets")
    return [
        f"the ticket {key} is at version {tickets[key]['version']}, {may_change[key]} would be enough"
        for key in ours
        if tickets[key]["version"] > may_change[key]
    ]


def _facts(snapshot: Snapshot) -> Iterator[Fact]:
    for (service, collection), facts_of in _FACTS.items():
        for key, document in snapshot.documents(service, collection).items():
            for event_type, version in facts_of(document):
                yield event_type, key, version


_FACTS: dict[tuple[str, str], Callable[[Document], list[tuple[str, int]]]] = {
    ("auth", "users"): lambda _user: [("user.registered", 1)],
    ("tickets", "tickets"): lambda ticket: [
        ("ticket.created", 1),
        *(("ticket.updated", version) for version in range(2, ticket["version"] + 1)),
    ],
    ("orders", "orders"): lambda order: [
        ("order.created", 1),
        *([] if order["status"] == "created" else [(f"order.{order['status']}", 2)]),
    ],
    ("payments", "payments"): lambda payment: {
        "captured": [("payment.created", 2)],
        "refunded": [("payment.created", 2), ("payment.refunded", 3)],
    }.get(payment["status"], []),
    ("expiration", "deadlines"): lambda deadline: (
        [("expiration.completed", 2)] if deadline["status"] == "completed" else []
    ),
}
"""What each document says has happened to it, as docs/events.md tells it."""
