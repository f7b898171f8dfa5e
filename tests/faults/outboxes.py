"""Counts the events that are in the outboxes of the services and not published yet."""

import asyncio
import time

from devkit.testing.eventually import eventually
from faults.context import ScenarioContext
from faults.scenario import require
from marketplace.operations.stored_data import AGGREGATES

OWNERS = {each.events[0].aggregate: (each.service, each.collection) for each in AGGREGATES}
"""The service and collection of each aggregate, by the first token of the event's subject."""


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
