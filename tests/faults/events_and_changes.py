"""Compares the events in the streams with the versions in the databases."""

import asyncio
import time
from collections import Counter

from common.events.envelope import MESSAGE_ID
from common.messaging.streams import DOMAIN_EVENTS, GENERAL_EVENTS
from common.storage.collection import Document
from devkit.testing.eventually import eventually
from faults.context import ScenarioContext
from faults.scenario import require
from marketplace.operations.snapshot import Snapshot, take_snapshot
from marketplace.operations.stored_data import AGGREGATES
from marketplace.operations.stream_reader import read_stream

OWNERS = {each.events[0].aggregate: (each.service, each.collection) for each in AGGREGATES}
"""The service and collection of each aggregate, by the first token of the event's subject."""


async def events_in_the_streams(context: ScenarioContext) -> Counter[str]:
    """Return the ids of all events in the streams, with the number of each."""
    events: Counter[str] = Counter()
    for stream in (DOMAIN_EVENTS, GENERAL_EVENTS):
        async for message in read_stream(context.operator.broker, stream.name, list(stream.subjects)):
            require(
                message.headers.get("ce-id") == message.headers.get(MESSAGE_ID),
                f"{message.subject}: ce-id and {MESSAGE_ID} differ",
            )
            events[_change_of(message.headers.get(MESSAGE_ID, message.subject))] += 1
    return events


def _change_of(event_id: str) -> str:
    """Return the event id; for a deadline without the version, which continues to count after the completion."""
    return event_id.rpartition("-")[0] if event_id.startswith("expiration-") else event_id


def changes_with_an_event(snapshot: Snapshot) -> set[str]:
    """Return the ids of the events that must exist, derived from the stored documents."""
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
    # Version 1 is pending, 2 captured or declined, 3 refunded or settled; only captures and refunds are published.
    return {"captured": [2], "refunded": [2, 3]}.get(document["status"], [])


async def count_matching(
    context: ScenarioContext, events_before: Counter[str], changed_before: set[str]
) -> tuple[int, int]:
    """Expect one new event per new change, and no other; return the number of new events and of new changes."""

    async def mismatches() -> tuple[list[str], int, int]:
        events = await events_in_the_streams(context) - events_before
        changed = changes_with_an_event(await take_snapshot(context.operator)) - changed_before
        wrong = [f"{event} is missing" for event in changed - events.keys()]
        wrong += [f"{event} has no stored change" for event in events.keys() - changed]
        wrong += [f"{event} exists {count} times" for event, count in events.items() if count > 1]
        return sorted(wrong), events.total(), len(changed)

    try:
        _, events, changed = await eventually(
            mismatches, until=lambda seen: not seen[0], within=5, what="events that match the changes"
        )
    except AssertionError:
        wrong, _, _ = await mismatches()
        require(not wrong, f"{len(wrong)} differences between changes and events: {', '.join(wrong[:5])}")
        raise
    return events, changed


async def staged_events(context: ScenarioContext) -> int:
    """Count the aggregates of all services with events in their outbox."""
    collections = [context.operator.databases[service][name] for service, name in OWNERS.values()]
    counts = (each.count_documents({"outbox.id": {"$exists": True}}) for each in collections)
    return sum(await asyncio.gather(*counts))


async def outboxes_empty(context: ScenarioContext, *, within: float) -> float:
    """Wait until all outboxes are empty; return the seconds."""
    began = time.monotonic()
    try:
        await eventually(lambda: staged_events(context), until=lambda count: count == 0, within=within, what="no event")
    except AssertionError as error:
        require(condition=False, message=f"outboxes are not empty after {within:g} s: {error}")
    return time.monotonic() - began
