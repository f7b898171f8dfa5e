"""The text of the audit's findings about damaged documents."""

import re
from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest

from common.domain.aggregate import Aggregate
from common.domain.clock import utc_now
from common.domain.ids import OrderId, TicketId, UserId, new_id
from common.events.orders import OrderedTicket
from expiration.deadline import Deadline
from marketplace.operations.audit import find_differences
from marketplace.operations.difference import Difference
from marketplace.operations.histories import Histories
from marketplace.operations.rebuild import REPLAY_PENDING
from marketplace.operations.snapshot import Snapshot
from marketplace.operations.stored_data import READ_MODELS
from orders.order import Order
from tickets.ticket import Ticket

HELD = "a ticket is held by its live order"


class Data:
    """An open order on a ticket, as all services have it."""

    def __init__(self) -> None:
        seller, buyer = UserId(new_id()), UserId(new_id())
        ticket = Ticket.list_for_sale(seller=seller, title="Concert", price=1999)
        order = Order.place(
            buyer=buyer,
            ticket=OrderedTicket(id=TicketId(ticket.id), title="Concert", price=1999),
            expires_at=utc_now(),
            request_key=None,
        )
        ticket.set_holder(OrderId(order.id))
        self.order, self.ticket = order.id, ticket.id
        self.stored: dict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
        aggregates: dict[tuple[str, str], Aggregate[Any]] = {
            ("tickets", "tickets"): ticket,
            ("orders", "orders"): order,
            ("expiration", "deadlines"): Deadline.of_order(order.recorded[0]),
        }
        for place, aggregate in aggregates.items():
            self.stored[place] = {aggregate.id: _document(aggregate)}
        for read_model in READ_MODELS:
            originals = self.stored[read_model.original.service, read_model.original.collection]
            copies = {key: read_model.of(original) for key, original in originals.items()}
            self.stored[read_model.service, read_model.collection] = copies

    def differences(self) -> list[Difference]:
        """Those that need no stream."""
        found = find_differences(Snapshot(utc_now().replace(year=2000), self.stored), Histories())
        return [each for each in found if not each.rule.endswith("equal their events")]


def _document(aggregate: Aggregate[Any]) -> dict[str, Any]:
    return {**aggregate.to_document(), "outbox": []}


@pytest.fixture
def data() -> Data:
    return Data()


def test_data_that_agree_have_no_difference(data: Data) -> None:
    assert data.differences() == []


def test_a_finding_names_the_unreadable_document_that_may_cause_it(data: Data) -> None:
    """Otherwise an operator could take the order for lost, and restore it."""
    data.stored["orders", "orders"][data.order]["status"] = "lost"
    found = data.differences()
    assert [each.rule for each in found] == ["orders orders can be read", HELD]
    assert found[1].detail.endswith(f"while its live order is none; but orders orders {data.order} cannot be read")


def test_a_rule_that_cannot_be_checked_hides_no_other(data: Data) -> None:
    data.stored["payments", "sandbox_refunds"] = {7: {}}  # type: ignore[dict-item] # damaged on purpose
    data.stored["payments", "sandbox_charges"] = {"x": {"request": {"amount": 1}, "outcome": {"charge_id": "y"}}}
    data.stored["tickets", "tickets"][data.ticket]["order_id"] = None
    found = {each.rule: each for each in data.differences()}
    sandbox = found["the sandbox was charged once per captured payment"]
    assert (sandbox.subject, sandbox.detail.split(": ")[:2]) == (None, ["could not be checked", "AttributeError"])
    assert found[HELD].detail.startswith("held by none")


def test_a_difference_shows_values_as_json(data: Data) -> None:
    data.stored["payments", "order_replicas"][data.order].update({"status": None, "expires_at": 7, "colour": "red"})
    (found,) = data.differences()
    expires_at = data.stored["orders", "orders"][data.order]["expires_at"].isoformat().replace("+00:00", "Z")
    assert set(re.split(", (?=[a-z])", found.detail.replace(", not", " not"))) == {
        'status is null not "created"',
        f'expires_at is 7 not "{expires_at}"',
        "has a field colour that payments does not know",
    }


def test_a_document_with_an_event_to_be_replayed_differs(data: Data) -> None:
    data.stored["tickets", "order_replicas"][data.order][REPLAY_PENDING] = True
    assert [each.detail for each in data.differences()] == [
        "repaired, but its newest event has not been replayed to tickets yet"
    ]


def test_a_wrong_sum_is_about_no_single_id(data: Data) -> None:
    data.stored["orders", "orders"][data.order] |= {"status": "completed", "payment_id": new_id()}
    found = {each.rule: each.as_json()["id"] for each in data.differences()}
    assert found["captured minus refunded is what the completed orders cost"] is None


def test_an_extended_order_with_its_old_deadline_is_found() -> None:
    data = Data()
    data.stored["orders", "orders"][data.order]["expires_at"] += timedelta(minutes=15)
    found = [each for each in data.differences() if each.rule == "a deadline is pending as long as its order is open"]
    assert [each.subject for each in found] == [data.order]
