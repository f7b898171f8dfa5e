"""The scenario *Live pages* knows each state of a ticket, also one that began and ended between two looks."""

import itertools
from typing import Any, cast

from faults.context import ScenarioContext
from faults.live_truth import STATE, Spell, Truth

_TICKET = {"_id": "t", "price": 1990}


def test_an_order_that_began_and_ended_between_two_looks_held_the_ticket() -> None:
    truth = _looked_at([], [_order("1", "cancelled")])
    assert truth.history["t", STATE] == [
        Spell("on-sale", float("-inf"), 0.0),
        Spell("held", 0.0, 0.0),
        Spell("on-sale", 0.0, 1.0),
    ]


def test_between_two_orders_the_ticket_was_on_sale() -> None:
    first, ended = _order("1", "created"), _order("1", "cancelled")
    truth = _looked_at([], [first], [_order("3", "created"), _order("2", "cancelled"), ended], [ended])
    assert _states(truth) == ["on-sale", "held", "on-sale", "held", "on-sale", "held", "on-sale"]


def test_an_order_that_a_look_has_shown_is_noted_once() -> None:
    truth = _looked_at([], [_order("1", "created")], *itertools.repeat([_order("1", "cancelled")], 3))
    assert _states(truth) == ["on-sale", "held", "on-sale"]


def _looked_at(*looks: list[dict[str, Any]]) -> Truth:
    """Return what is known after these looks, one each second. Each has shown these orders for the ticket."""
    truth = Truth(cast("ScenarioContext", None))
    for second, orders in enumerate(looks):
        truth.note(float(second), [_TICKET], orders)
    return truth


def _states(truth: Truth) -> list[str]:
    return [spell.value for spell in truth.history["t", STATE]]


def _order(order_id: str, status: str) -> dict[str, Any]:
    return {"_id": order_id, "ticket": {"id": "t"}, "status": status}
