"""Each rule about the data of all services finds each damage that breaks it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from marketplace.tests.unit.sales import Stored

from common.domain.clock import utc_now
from common.domain.ids import OrderId, new_id
from devkit.testing.samples import changed_ticket, listed_ticket
from marketplace.operations.histories import Histories
from marketplace.operations.stored_data import SANDBOX_CHARGES, SANDBOX_REFUNDS

HELD = "a ticket is held by its live order"
PAID = "a completed order has its captured payment"
CHARGES = "every charge ends as a completed order or a refund"
PRICE = "an order costs what its ticket cost at that version"
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


def captured_but_not_charged(data: Stored) -> str:
    data.remove(*SANDBOX_CHARGES, data.payment)
    return data.payment


def refunded_but_not_charged(data: Stored) -> str:
    data.remove(*SANDBOX_CHARGES, data.refund)
    return data.refund


def open_at_another_price_than_its_held_ticket(data: Stored) -> str:
    """The only change since the order is that the ticket is held, and this change keeps the price."""
    data.order(data.open)["ticket"]["price"] = 50000
    return data.open


def open_at_another_price_than_its_ticket(data: Stored) -> str:
    """The ticket is not held yet."""
    data.ticket(data.held).update(version=1, order_id=None, price=50000)
    return data.open


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
    passed = utc_now() - timedelta(seconds=1)
    data.order(data.open)["expires_at"] = data.deadline(data.open)["expires_at"] = passed
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
    (SANDBOX, captured_but_not_charged),
    (SANDBOX, refunded_but_not_charged),
    (PRICE, open_at_another_price_than_its_held_ticket),
    (PRICE, open_at_another_price_than_its_ticket),
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


def test_a_charge_that_cannot_be_read_is_not_missing(data: Stored) -> None:
    del data.stored[SANDBOX_CHARGES][data.payment]["outcome"]
    assert SANDBOX not in {each.rule for each in data.differences()}


def test_an_order_whose_ticket_had_another_price_at_that_version_is_found(data: Stored) -> None:
    """A ticket is restored to version 1 and changed again: two prices have version 2, and the buyer pays the old one.

    The owner has published the later one after the restore, so this is the price of the ticket.
    """
    before = listed_ticket()
    histories = Histories()
    for event in (before, changed_ticket(before, 2, price=50000), changed_ticket(before, 2, price=1500)):
        histories.add(event)
    data.order(data.completed)["ticket"].update(id=before.id, price=50000, version=2)
    found = [(each.subject, each.detail) for each in data.differences(histories) if each.rule == PRICE]
    assert found == [(data.completed, "costs 50000, but its ticket cost 1500 at version 2")]


@pytest.mark.parametrize(
    ("change", "status"), [({"version": None}, "completed"), ({"version": 2}, "cancelled"), ({"version": 1}, "created")]
)
def test_the_price_is_checked_only_for_live_orders_at_the_version_they_name(
    data: Stored, change: dict[str, int | None], status: str
) -> None:
    """An order that an older version of the service has placed names no version of its ticket."""
    before = listed_ticket(price=50000)
    histories = Histories()
    histories.add(before)
    histories.add(changed_ticket(before, 2, price=1500))
    data.order(data.completed).update(status=status)
    data.order(data.completed)["ticket"].update(id=before.id, price=50000, **change)
    assert [each for each in data.differences(histories) if each.rule == PRICE] == []
