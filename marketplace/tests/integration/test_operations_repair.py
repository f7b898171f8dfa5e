"""A repair changes only what the audit has found, and only what needs no person."""

from collections.abc import AsyncIterator

import pytest
from marketplace.tests.integration.operated import an_operator

from common.domain.ids import new_id
from devkit.testing.events import EventStreams
from devkit.testing.running import Surroundings
from devkit.testing.samples import order_events
from marketplace.operations.audit import Report
from marketplace.operations.difference import Difference
from marketplace.operations.operator import Operator
from marketplace.operations.repair import Repaired, repair
from marketplace.operations.stored_data import READ_MODELS, ReadModels

HELD = "a ticket is held by its live order"


@pytest.fixture
async def operator(surroundings: Surroundings) -> AsyncIterator[Operator]:
    async with an_operator(surroundings) as connection:
        yield connection


async def an_order(operator: Operator, streams: EventStreams) -> str:
    """Store and publish an order; return the id of its ticket."""
    created, _, _ = order_events(new_id())
    await operator.databases["orders"]["orders"].insert_one(
        {"_id": created.id, "ticket": {"id": created.ticket.id}, "status": "created"}
    )
    await streams.publish(created)
    return created.ticket.id


def report(*found: tuple[str, str]) -> Report:
    return Report([Difference(rule, subject, "a detail") for rule, subject in found], {})


@pytest.mark.parametrize("read_model", READ_MODELS, ids=lambda each: each.name.replace(" ", "-"))
async def test_a_repair_rebuilds_only_the_read_model_that_differs(operator: Operator, read_model: ReadModels) -> None:
    repaired = await repair(operator, report((read_model.rule, new_id())))
    assert list(repaired.rebuilt) == [read_model.name]
    assert (repaired.holders, repaired.not_replayed) == ([], {})


async def test_a_repair_replays_only_for_tickets_whose_holder_differs(
    operator: Operator, streams: EventStreams
) -> None:
    differs, agrees = await an_order(operator, streams), await an_order(operator, streams)
    repaired = await repair(operator, report((HELD, differs)))
    assert list(repaired.not_replayed["tickets"]) == [differs], "the service does not run, so the replay fails"
    assert agrees not in repaired.holders
    assert repaired.rebuilt == {}


@pytest.mark.parametrize(
    "rule", ["one live order per ticket", "orders orders equal their events", "orders orders can be read"]
)
async def test_a_repair_changes_nothing_that_needs_a_person(
    operator: Operator, streams: EventStreams, rule: str
) -> None:
    ticket = await an_order(operator, streams)
    assert await repair(operator, report((rule, ticket))) == Repaired()
