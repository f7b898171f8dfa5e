"""Repairs the differences that the audit has found.

It repairs only what it knows the right state of, from the stream or from the service that owns the data.
"""

from dataclasses import dataclass, field
from typing import Any

from common.domain.event import Event
from marketplace.operations.audit import Report
from marketplace.operations.invariants import a_ticket_is_held_by_its_live_order, name_of
from marketplace.operations.operator import Operator
from marketplace.operations.rebuild import Rebuilt, rebuild
from marketplace.operations.replay_events import NotReplayed, replay_events
from marketplace.operations.stored_data import READ_MODELS, owned
from marketplace.operations.stream_reader import read_events_of
from orders.order import OrderStatus

_HOLDERS = name_of(a_ticket_is_held_by_its_live_order)


@dataclass
class Repaired:
    """What a repair has done. In a condition, the object counts as False if there was nothing to repair."""

    rebuilt: dict[str, Rebuilt] = field(default_factory=dict)
    """The result of each rebuild, by the name of the read model."""
    holders: list[str] = field(default_factory=list)
    """The ids of the tickets for which the tickets service has determined again which order holds the ticket."""
    not_replayed: NotReplayed = field(default_factory=dict)
    """The ids of the tickets for which this was not possible, each with the reason.

    The reason is that the tickets service does not run, or that it refuses the event.
    """

    def __bool__(self) -> bool:
        return bool(self.rebuilt or self.holders or self.not_replayed)

    def as_json(self) -> dict[str, Any]:
        rebuilt = {name: each.as_json() for name, each in self.rebuilt.items()}
        return {"rebuilt": rebuilt, "holders": self.holders, "notReplayed": self.not_replayed}


async def repair(operator: Operator, report: Report) -> Repaired:
    """Rebuild the read models that differ. Then ask the tickets service to determine again the holders that differ.

    You may call this function again at any time.
    """
    done = Repaired()
    for read_model in READ_MODELS:
        if any(difference.rule == read_model.rule for difference in report.differences):
            done.rebuilt[read_model.name] = await rebuild(operator, read_model)
    events = {
        ticket: event
        for ticket in (each.subject for each in report.differences if each.rule == _HOLDERS and each.subject)
        if (event := await _order_event_for(operator, ticket))
    }
    not_replayed = await replay_events(operator, "tickets", events.values())
    done.holders = [ticket for ticket, event in events.items() if event.id not in not_replayed]
    done.not_replayed = {ticket: not_replayed[event.id] for ticket, event in events.items() if event.id in not_replayed}
    return done


async def _order_event_for(operator: Operator, ticket: str) -> Event | None:
    """Return the newest event of the live order for this ticket.

    If the ticket has no live order, return the newest event of its last order. If the ticket has no order at all,
    return None. We could also take any other event of any order for this ticket, because the handler always looks at
    all orders for the ticket.
    """
    order_events = owned("orders").events
    orders = operator.databases["orders"][owned("orders").collection]
    found = await orders.find({"ticket.id": ticket}, {"status": 1}).sort([("_id", -1)]).to_list(None)
    live = [each for each in found if each.get("status") != OrderStatus.CANCELLED]
    for order in [*live, *found]:
        if events := await read_events_of(operator.broker, order_events[0], order["_id"]):
            return max(events, key=lambda event: event.version)
    return None
