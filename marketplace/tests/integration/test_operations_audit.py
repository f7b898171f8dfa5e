"""Damages that the audit finds and that a person has to repair; and what the audit does not report."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from marketplace.tests.integration import damages
from marketplace.tests.integration.damaged_story import Story

from common.messaging.streams import GENERAL_EVENTS
from marketplace.operations.audit import audit
from marketplace.operations.repair import repair
from marketplace.operations.snapshot import take_snapshot

CHARGES = "every charge ends as a completed order or a refund"


@pytest.mark.parametrize(
    ("damage", "rules"),
    [
        (damages.payment_of_a_cancelled_order, {CHARGES, "a completed order has its captured payment"}),
        (
            damages.payment_missing,
            {
                "captured minus refunded is what the completed orders cost",
                "the sandbox was charged once per captured payment",
            },
        ),
        (damages.second_live_order, {"one live order per ticket"}),
        (damages.deadline_whose_timer_did_not_fire, {"a deadline is pending as long as its order is open"}),
        (damages.deadline_missing, {"a deadline is pending as long as its order is open"}),
        (damages.event_of_an_order_lost, {"orders orders equal their events"}),
        (damages.first_event_of_an_order_lost, {"orders orders equal their events"}),
        (damages.event_of_a_payment_lost, {"payments payments equal their events"}),
        (damages.user_whose_event_was_lost, {"auth users equal their events"}),
        (damages.owner_behind_its_events, {"orders orders equal their events"}),
        (damages.owner_differs_from_its_event, {"tickets tickets equal their events"}),
        (damages.ticket_lost, {"tickets tickets equal their events", "orders ticket_replicas equal what tickets has"}),
        (damages.order_at_another_price, {"an order costs what its ticket cost at that version"}),
        (damages.owner_out_of_shape, {"orders orders can be read"}),
        (damages.charge_without_an_outcome, {"payments sandbox_charges can be read"}),
        (damages.charge_without_an_amount, {"payments sandbox_charges can be read"}),
        (damages.outbox_out_of_shape, {"orders orders can be read"}),
        (damages.outbox_that_is_no_list, {"orders orders can be read"}),
        (damages.event_stuck_in_its_outbox, {"no event stays in an outbox"}),
    ],
)
async def test_the_audit_finds_what_a_repair_cannot_repair(
    story: Story, damage: Callable[[Story], Awaitable[None]], rules: set[str]
) -> None:
    await damage(story)
    report = await audit(story.marketplace.operator, settle_seconds=0)
    assert rules <= {difference.rule for difference in report.differences}


async def test_an_expired_deadline_has_its_event(story: Story) -> None:
    body = {"ticketId": story.free, "windowSeconds": 1}
    client = story.marketplace.client("orders", story.marketplace.buyer)
    order = (await client.post("/api/orders", json=body)).json()["id"]
    await story.marketplace.eventually_holds(story.free, order)
    await story.marketplace.eventually_holds(story.free, None)
    await story.marketplace.settled()
    await story.remember()
    await story.lose(f"expiration.completed.{order}", GENERAL_EVENTS.name)
    report = await audit(story.marketplace.operator, settle_seconds=0)
    assert [(each.rule, each.subject) for each in report.differences] == [
        ("expiration deadlines equal their events", order)
    ]


async def test_a_change_that_is_being_processed_is_no_difference(story: Story) -> None:
    """The second look of the audit does not find what the first one has found."""
    await damages.read_model_missing(story)
    first = await audit(story.marketplace.operator, settle_seconds=0)
    assert first.differences
    report, _ = await asyncio.gather(
        audit(story.marketplace.operator, settle_seconds=15), repair(story.marketplace.operator, first)
    )
    assert report.differences == []


async def test_no_password_is_read(story: Story) -> None:
    await damages.user_whose_event_was_lost(story)
    snapshot = await take_snapshot(story.marketplace.operator)
    (user,) = snapshot.documents("auth", "users").values()
    assert "password_hash" not in user
