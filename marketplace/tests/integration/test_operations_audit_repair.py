"""Damages that the audit finds and `--repair` repairs: of read models, holders, deadlines and lost events."""

from collections.abc import Awaitable, Callable

import pytest
from marketplace.tests.integration import damages
from marketplace.tests.integration.damaged_story import Story

from marketplace.operations.audit import audit
from marketplace.operations.repair import repair

HELD = "a ticket is held by its live order"
TICKETS_KNOWS = "tickets order_replicas equal what orders has"
ORDERS_KNOWS = "orders ticket_replicas equal what tickets has"
PAYMENTS_KNOWS = "payments order_replicas equal what orders has"


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (damages.read_model_missing, TICKETS_KNOWS),
        (damages.read_model_old, TICKETS_KNOWS),
        (damages.read_model_old, ORDERS_KNOWS),
        (damages.read_model_wrong_at_the_same_version, PAYMENTS_KNOWS),
        (damages.read_model_newer_than_any_event, TICKETS_KNOWS),
        (damages.read_model_without_a_version, TICKETS_KNOWS),
        (damages.read_model_orphaned, TICKETS_KNOWS),
        (damages.pages_lack_a_payment, "storefront payments equal what payments has"),
        (damages.pages_show_another_price, "storefront tickets equal what tickets has"),
        (damages.pages_show_an_unknown_order, "storefront orders equal what orders has"),
        (damages.ticket_held_by_a_dead_order, HELD),
        (damages.ticket_held_by_an_unknown_order, HELD),
        (damages.ticket_not_held_by_its_open_order, HELD),
        (damages.deadline_missing, "a deadline is pending as long as its order is open"),
        (damages.event_of_an_order_lost, "orders orders equal their events"),
        (damages.first_event_of_an_order_lost, "orders orders equal their events"),
        (damages.event_of_a_payment_lost, "payments payments equal their events"),
    ],
)
async def test_the_audit_finds_the_damage_and_a_repair_repairs_it(
    story: Story, damage: Callable[[Story], Awaitable[None]], rule: str
) -> None:
    await damage(story)
    report = await audit(story.marketplace.operator, settle_seconds=0)
    assert rule in {difference.rule for difference in report.differences}
    repaired = await repair(story.marketplace.operator, report)
    assert repaired.not_replayed == {}
    await story.marketplace.settled()
    await story.marketplace.eventually_holds(story.free, None)
    await story.marketplace.eventually_holds(story.held, story.open)
    await story.marketplace.eventually_holds(story.sold, story.completed)


async def test_a_read_model_is_not_reverted_because_of_a_lost_event(story: Story) -> None:
    await damages.event_of_an_order_lost(story)
    await damages.read_model_missing(story)
    report = await audit(story.marketplace.operator, settle_seconds=0)
    await repair(story.marketplace.operator, report)
    await story.marketplace.settled()
    stored = await story.marketplace.collection("tickets", "order_replicas").find_one({"_id": story.cancelled})
    assert stored is not None
    assert (stored["version"], stored["is_live"]) == (2, False)
