"""Repairs differences that the audit has found.

It repairs only two kinds of data: read models, which are copies of another service's data, and the holders of tickets.
The holder of a ticket is the order for which the ticket is reserved or sold. For these data, the events in the stream
or the original data show which state is right.
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
from marketplace.registry import CONSUMERS_OF
from orders.order import OrderStatus

_HOLDERS = name_of(a_ticket_is_held_by_its_live_order)


@dataclass
class Repaired:
    """The result of a repair. bool() of this object is False if repair() found nothing that it can repair."""

    rebuilt: dict[str, Rebuilt] = field(default_factory=dict)
    """Maps the name of each rebuilt read model to the result of the rebuild."""
    holders: list[str] = field(default_factory=list)
    """The ids of the tickets for which the tickets service has determined again which order holds the ticket."""
    not_replayed: NotReplayed = field(default_factory=dict)
    """The tickets whose holder could not be corrected, because the tickets service did not handle the replayed event.

    To replay an event means to ask the service to handle the event again. The key is the id of the ticket. The value is
    the reason, for example that the tickets service does not run.
    """

    def __bool__(self) -> bool:
        return bool(self.rebuilt or self.holders or self.not_replayed)

    def as_json(self) -> dict[str, Any]:
        rebuilt = {name: each.as_json() for name, each in self.rebuilt.items()}
        return {"rebuilt": rebuilt, "holders": self.holders, "notReplayed": self.not_replayed}


async def repair(operator: Operator, report: Report) -> Repaired:
    """Rebuild the read models that differ from the original data. Then ask the tickets service to correct its tickets.

    `report` says which read models differ, and which tickets have a wrong holder (the order for which the ticket is
    reserved or sold). You may call this function again with the same report. A second call changes nothing that is
    already right.
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
    not_replayed = await replay_events(operator, CONSUMERS_OF["tickets"], events.values())
    done.holders = [ticket for ticket, event in events.items() if event.id not in not_replayed]
    done.not_replayed = {ticket: not_replayed[event.id] for ticket, event in events.items() if event.id in not_replayed}
    return done


async def _order_event_for(operator: Operator, ticket: str) -> Event | None:
    """Return the event that the tickets service must handle again to correct which order holds the ticket.

    This is the newest event of the ticket's live order (the order that is not cancelled). If the ticket has no live
    order, it is the newest event of the ticket's newest order. Return None if no order of the ticket has an event.
    """
    order_events = owned("orders").events
    orders = operator.databases["orders"][owned("orders").collection]
    found = await orders.find({"ticket.id": ticket}, {"status": 1}).sort([("_id", -1)]).to_list(None)
    live = [each for each in found if each.get("status") != OrderStatus.CANCELLED]
    for order in [*live, *found]:
        if events := await read_events_of(operator.broker, order_events[0], order["_id"]):
            return max(events, key=lambda event: event.version)
    return None
