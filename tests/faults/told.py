"""What was told held against what changed: the events in the streams, and the versions in the databases."""

import asyncio
import time
from collections import Counter

from common.events.envelope import MESSAGE_ID
from common.messaging.streams import DOMAIN_EVENTS, GENERAL_EVENTS
from common.storage.collection import Document
from devkit.testing.eventually import eventually
from faults.scenario import promise
from faults.world import World
from marketplace.operations.snapshot import Snapshot, take_snapshot
from marketplace.operations.stored_data import AGGREGATES
from marketplace.operations.stream_reader import read_stream

OWNERS = {each.events[0].aggregate: (each.service, each.collection) for each in AGGREGATES}
"""Of each aggregate, the first token of its subjects: where it is stored."""


async def events_in_the_streams(world: World) -> Counter[str]:
    """The ids of all events in the streams, and how often each is there."""
    told: Counter[str] = Counter()
    for stream in (DOMAIN_EVENTS, GENERAL_EVENTS):
        async for message in read_stream(world.operator.broker, stream.name, list(stream.subjects)):
            promise(
                message.headers.get("ce-id") == message.headers.get(MESSAGE_ID),
                f"{message.subject}: ce-id and {MESSAGE_ID} differ",
            )
            told[_change_of(message.headers.get(MESSAGE_ID, message.subject))] += 1
    return told


def _change_of(event_id: str) -> str:
    """A deadline is completed once, but goes on counting the versions of its order: the version is not part of it."""
    return event_id.rpartition("-")[0] if event_id.startswith("expiration-") else event_id


def changes_with_an_event(snapshot: Snapshot) -> set[str]:
    """The events that there must be, computed from what is stored."""
    events = set()
    for kind, (service, collection) in OWNERS.items():
        for key, document in snapshot.documents(service, collection).items():
            if kind == "expiration":
                events |= {f"{kind}-{key}"} if document["status"] == "completed" else set()
            else:
                events |= {f"{kind}-{key}-{version}" for version in _versions_with_an_event(kind, document)}
    return events


def _versions_with_an_event(kind: str, document: Document) -> list[int]:
    if kind != "payment":
        return list(range(1, document["version"] + 1))
    # 1 is pending, 2 captured or declined, 3 refunded, or settled; only the money that moved is told.
    return {"captured": [2], "refunded": [2, 3]}.get(document["status"], [])


async def agreement(world: World, told_before: Counter[str], changed_before: set[str]) -> tuple[int, int]:
    """How many events and changes are new: the same ones, each once."""

    async def disagreement() -> tuple[list[str], int, int]:
        told = await events_in_the_streams(world) - told_before
        changed = changes_with_an_event(await take_snapshot(world.operator)) - changed_before
        wrong = [f"{event} is missing" for event in changed - told.keys()]
        wrong += [f"{event} tells of no change" for event in told.keys() - changed]
        wrong += [f"{event} is there {count} times" for event, count in told.items() if count > 1]
        return sorted(wrong), told.total(), len(changed)

    try:
        _, told, changed = await eventually(disagreement, until=lambda seen: not seen[0], within=5, what="agreement")
    except AssertionError:
        wrong, _, _ = await disagreement()
        promise(not wrong, f"{len(wrong)} differences between changes and events: {', '.join(wrong[:5])}")
        raise
    return told, changed


async def staged_events(world: World) -> int:
    """How many aggregates of all services have something in their outbox."""
    collections = [world.operator.databases[service][name] for service, name in OWNERS.values()]
    counts = (each.count_documents({"outbox.id": {"$exists": True}}) for each in collections)
    return sum(await asyncio.gather(*counts))


async def outboxes_empty(world: World, *, within: float) -> float:
    """Seconds until nothing is staged any more."""
    began = time.monotonic()
    try:
        await eventually(lambda: staged_events(world), until=lambda count: count == 0, within=within, what="no event")
    except AssertionError as error:
        promise(kept=False, what=f"outboxes are not empty after {within:g} s: {error}")
    return time.monotonic() - began
