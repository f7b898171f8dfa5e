"""Mending what the audit found, where the truth is still there: in the stream, or in the owner's own data."""

from dataclasses import dataclass, field
from typing import Any

from common.domain.event import Event
from marketplace.operations.audit import Report
from marketplace.operations.invariants import a_ticket_is_held_by_its_live_order, name_of
from marketplace.operations.operator import Operator
from marketplace.operations.rebuild import Rebuilt, rebuild
from marketplace.operations.retell import Unheard, retell
from marketplace.operations.stored_data import READ_MODELS, owned
from marketplace.operations.stream_reader import read_events_of
from orders.order import OrderStatus

_HOLDERS = name_of(a_ticket_is_held_by_its_live_order)


@dataclass
class Repaired:
    rebuilt: dict[str, Rebuilt] = field(default_factory=dict)
    """By read model."""
    holders: list[str] = field(default_factory=list)
    """Tickets that tickets has been asked to work out the holder of."""
    unheard: Unheard = field(default_factory=dict)
    """Tickets that it could not be asked about, because it is not running or refused."""

    def __bool__(self) -> bool:
        return bool(self.rebuilt or self.holders or self.unheard)

    def as_json(self) -> dict[str, Any]:
        rebuilt = {name: each.as_json() for name, each in self.rebuilt.items()}
        return {"rebuilt": rebuilt, "holders": self.holders, "unheard": self.unheard}


async def repair(operator: Operator, report: Report) -> Repaired:
    """Rebuild the read models that differ, then have tickets work out the holders that differ. Safe to repeat."""
    done = Repaired()
    for read_model in READ_MODELS:
        if any(difference.rule == read_model.rule for difference in report.differences):
            done.rebuilt[read_model.name] = await rebuild(operator, read_model)
    events = {
        ticket: event
        for ticket in (each.subject for each in report.differences if each.rule == _HOLDERS and each.subject)
        if (event := await _an_order_event_about(operator, ticket))
    }
    unheard = await retell(operator, "tickets", events.values())
    done.holders = [ticket for ticket, event in events.items() if event.id not in unheard]
    done.unheard = {ticket: unheard[event.id] for ticket, event in events.items() if event.id in unheard}
    return done


async def _an_order_event_about(operator: Operator, ticket: str) -> Event | None:
    """The newest one of the order that should hold the ticket, or of the last one that did.

    Whichever it is, tickets then looks at all orders on the ticket. None if nobody has ever ordered it.
    """
    order_events = owned("orders").events
    orders = operator.databases["orders"][owned("orders").collection]
    found = await orders.find({"ticket.id": ticket}, {"status": 1}).sort([("_id", -1)]).to_list(None)
    live = [each for each in found if each.get("status") != OrderStatus.CANCELLED]
    for order in [*live, *found]:
        if events := await read_events_of(operator.broker, order_events[0], order["_id"]):
            return max(events, key=lambda event: event.version)
    return None
