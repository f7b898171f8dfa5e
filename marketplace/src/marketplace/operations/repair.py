"""Repairs the differences that the audit found, where the right state is known: from the stream, or from the owner."""

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
    """What a repair has done. False as a condition if it had nothing to do."""

    rebuilt: dict[str, Rebuilt] = field(default_factory=dict)
    """By read model."""
    holders: list[str] = field(default_factory=list)
    """The tickets whose holder the tickets service has determined again."""
    not_replayed: NotReplayed = field(default_factory=dict)
    """The tickets for which it could not be asked, because it does not run or refuses the event."""

    def __bool__(self) -> bool:
        return bool(self.rebuilt or self.holders or self.not_replayed)

    def as_json(self) -> dict[str, Any]:
        rebuilt = {name: each.as_json() for name, each in self.rebuilt.items()}
        return {"rebuilt": rebuilt, "holders": self.holders, "notReplayed": self.not_replayed}


async def repair(operator: Operator, report: Report) -> Repaired:
    """Rebuild the read models that differ, then let tickets determine again the holders that differ. Safe to repeat."""
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
    """Return the newest event of the live order on the ticket, or of the last order on it; None if it has no order.

    Any event of any of its orders would do: the handler looks at all orders on the ticket.
    """
    order_events = owned("orders").events
    orders = operator.databases["orders"][owned("orders").collection]
    found = await orders.find({"ticket.id": ticket}, {"status": 1}).sort([("_id", -1)]).to_list(None)
    live = [each for each in found if each.get("status") != OrderStatus.CANCELLED]
    for order in [*live, *found]:
        if events := await read_events_of(operator.broker, order_events[0], order["_id"]):
            return max(events, key=lambda event: event.version)
    return None
