"""The audit finds a withdrawn ticket that somebody can still pay for or has bought."""

import pytest
from marketplace.tests.unit.sales import Stored

WITHDRAWN = "a withdrawn ticket has no live order"


@pytest.fixture
def data() -> Stored:
    return Stored()


@pytest.mark.parametrize(("which", "order"), [("held", "open"), ("sold", "completed")])
def test_a_withdrawn_ticket_with_a_live_order_is_found(data: Stored, which: str, order: str) -> None:
    ticket = getattr(data, which)
    data.ticket(ticket)["withdrawn"] = True
    data.replicate()
    (found,) = data.differences()
    detail = f"is withdrawn, but has the live order {getattr(data, order)}"
    assert (found.rule, found.subject, found.detail) == (WITHDRAWN, ticket, detail)


def test_a_withdrawn_ticket_without_a_live_order_breaks_no_rule(data: Stored) -> None:
    data.ticket(data.free)["withdrawn"] = True
    data.replicate()
    assert data.differences() == []


def test_a_ticket_of_an_older_version_is_not_withdrawn(data: Stored) -> None:
    del data.ticket(data.held)["withdrawn"]
    assert data.differences() == []


def test_a_copy_that_does_not_know_of_the_withdrawal_is_found(data: Stored) -> None:
    data.ticket(data.free)["withdrawn"] = True
    found = {(each.rule, each.subject, each.detail) for each in data.differences()}
    assert ("orders ticket_replicas equal what tickets has", data.free, "withdrawn is false, not true") in found
