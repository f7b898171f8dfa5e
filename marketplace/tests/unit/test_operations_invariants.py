"""Each rule about the data of all services finds each damage that breaks it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from marketplace.tests.unit.sales import Stored

from common.domain.clock import utc_now
from common.domain.ids import OrderId, new_id
from marketplace.operations.stored_data import SANDBOX_CHARGES, SANDBOX_REFUNDS

HELD = "a ticket is held by its live order"
PAID = "a completed order has its captured payment"
CHARGES = "every charge ends as a completed order or a refund"
SUMS = "captured minus refunded is what the completed orders cost"
SANDBOX = "the sandbox was charged once per captured payment"
DEADLINE = "a deadline is pending as long as its order is open"
OUTBOX = "no event stays in an outbox"

Damage = Callable[[Stored], str | None]
"""Breaks a rule, and returns the id that the audit must report; None if no single document breaks it."""


def second_live_order(data: Stored) -> str:
    second = new_id()
    data.stored["orders", "orders"][second] = {**data.order(data.open), "_id": second}
    data.stored["expiration", "deadlines"][second] = {**data.deadline(data.open), "_id": second}
    return data.held


def held_by_a_cancelled_order(data: Stored) -> str:
    data.ticket(data.free)["order_id"] = OrderId(data.cancelled)
    return data.free


def not_held_by_its_open_order(data: Stored) -> str:
    data.ticket(data.held)["order_id"] = None
    return data.held


def ordered_but_nonexistent(data: Stored) -> str:
    data.remove("tickets", "tickets", data.held)
    return data.held


def completed_without_a_payment(data: Stored) -> str:
    data.remove("payments", "payments", data.payment)
    return data.completed


def completed_with_a_refunded_payment(data: Stored) -> str:
    data.payment_document(data.payment)["status"] = "refunded"
    return data.completed


def completed_with_the_payment_of_another_order(data: Stored) -> str:
    data.payment_document(data.payment)["order_id"] = data.cancelled
    return data.completed


def completed_for_another_amount(data: Stored) -> str:
    data.payment_document(data.payment)["amount"] = 1
    return data.completed


def captured_for_a_cancelled_order(data: Stored) -> str:
    data.payment_document(data.refund)["status"] = "captured"
    return data.refund


def refunded_for_a_completed_order(data: Stored) -> str:
    data.payment_document(data.payment)["status"] = "refunded"
    return data.payment


def payment_that_is_still_open(data: Stored) -> str:
    data.payment_document(data.payment)["open"] = True
    return data.payment


def captured_for_no_order(data: Stored) -> None:
    data.remove("orders", "orders", data.completed)


def charged_without_a_payment(data: Stored) -> str:
    data.remove("payments", "payments", data.payment)
    return data.payment


def charged_another_amount(data: Stored) -> str:
    data.stored[SANDBOX_CHARGES][data.payment]["request"]["amount"] = 1
    return data.payment


def refunded_only_by_the_sandbox(data: Stored) -> str:
    data.stored[SANDBOX_REFUNDS][f"refund:{data.payment}"] = {}
    return data.payment


def open_without_a_deadline(data: Stored) -> str:
    data.remove("expiration", "deadlines", data.open)
    return data.open


def closed_with_a_pending_deadline(data: Stored) -> str:
    data.deadline(data.cancelled)["status"] = "pending"
    return data.cancelled


def open_with_a_dropped_deadline(data: Stored) -> str:
    data.deadline(data.open)["status"] = "dropped"
    return data.open


def open_after_its_deadline(data: Stored) -> str:
    data.order(data.open)["expires_at"] = utc_now() - timedelta(seconds=1)
    return data.open


def event_that_was_not_published(data: Stored) -> str:
    staged = {"id": new_id(), "subject": "x", "data": "{}", "headers": {}}
    data.ticket(data.free)["outbox"] = [{**staged, "staged_at": utc_now() - timedelta(seconds=11)}]
    return data.free


def event_that_was_staged_while_the_clock_was_ahead(data: Stored) -> str:
    ticket = event_that_was_not_published(data)
    data.ticket(ticket)["outbox"][0]["staged_at"] = utc_now() + timedelta(hours=1)
    return ticket


DAMAGES = [
    ("one live order per ticket", second_live_order),
    (HELD, held_by_a_cancelled_order),
    (HELD, not_held_by_its_open_order),
    (HELD, ordered_but_nonexistent),
    (PAID, completed_without_a_payment),
    (PAID, completed_with_a_refunded_payment),
    (PAID, completed_with_the_payment_of_another_order),
    (PAID, completed_for_another_amount),
    (CHARGES, captured_for_a_cancelled_order),
    (CHARGES, refunded_for_a_completed_order),
    (CHARGES, payment_that_is_still_open),
    (SUMS, captured_for_no_order),
    (SANDBOX, charged_without_a_payment),
    (SANDBOX, charged_another_amount),
    (SANDBOX, refunded_only_by_the_sandbox),
    (DEADLINE, open_without_a_deadline),
    (DEADLINE, closed_with_a_pending_deadline),
    (DEADLINE, open_with_a_dropped_deadline),
    (DEADLINE, open_after_its_deadline),
    (OUTBOX, event_that_was_not_published),
    (OUTBOX, event_that_was_staged_while_the_clock_was_ahead),
]


@pytest.fixture
def data() -> Stored:
    return Stored()


def test_three_sales_without_a_damage_break_no_rule(data: Stored) -> None:
    assert data.differences() == []


@pytest.mark.parametrize(("rule", "damage"), DAMAGES, ids=[damage.__name__ for _, damage in DAMAGES])
def test_each_broken_rule_is_found_at_the_id_that_breaks_it(data: Stored, rule: str, damage: Damage) -> None:
    subject = damage(data)
    data.replicate()
    assert (rule, subject) in {(each.rule, each.subject) for each in data.differences()}


def test_an_event_that_was_staged_a_moment_ago_is_no_difference(data: Stored) -> None:
    event_that_was_not_published(data)
    data.ticket(data.free)["outbox"][0]["staged_at"] = utc_now() - timedelta(seconds=1)
    data.replicate()
    assert data.differences() == []


def test_the_sandbox_is_not_checked_if_stripe_charges_the_cards(data: Stored) -> None:
    data.stored[SANDBOX_CHARGES], data.stored[SANDBOX_REFUNDS] = {}, {}
    assert data.differences() == []
