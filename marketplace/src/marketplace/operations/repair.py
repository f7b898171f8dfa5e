"""Repairs differences that the audit has found.

It repairs four kinds of data for which the stream or the original data show what is right:

- events that the stream has lost: their owner publishes its present state again
- read models, which are copies of another service's data
- the holders of tickets: the holder of a ticket is the order for which the ticket is reserved or sold
- the deadlines of orders: a deadline is the time until which an order must be paid
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common.domain.event import Event
from marketplace.operations.audit import Report
from marketplace.operations.event_reader import read_events_of
from marketplace.operations.histories import is_lost_event
from marketplace.operations.invariants import (
    a_deadline_is_pending_as_long_as_its_order_is_open,
    a_ticket_is_held_by_its_live_order,
    name_of,
)
from marketplace.operations.operator import Operator
from marketplace.operations.rebuild import Rebuilt, rebuild
from marketplace.operations.replay_events import NotReplayed, replay_events
from marketplace.operations.republish import Republished, republish
from marketplace.operations.stored_data import AGGREGATES, READ_MODELS, owned
from marketplace.registry import CONSUMERS_OF
from orders.order import OrderStatus

_HOLDERS = name_of(a_ticket_is_held_by_its_live_order)
_DEADLINES = name_of(a_deadline_is_pending_as_long_as_its_order_is_open)


@dataclass
class Repaired:
    """The result of a repair. bool() of this object is False if repair() found nothing that it can repair."""

    republished: dict[str, Republished] = field(default_factory=dict)
    """Maps the name of a service to what it has published again."""
    rebuilt: dict[str, Rebuilt] = field(default_factory=dict)
    """Maps the name of each rebuilt read model to the result of the rebuild."""
    holders: list[str] = field(default_factory=list)
    """The ids of the tickets for which the tickets service has determined again which order holds the ticket."""
    deadlines: list[str] = field(default_factory=list)
    """The ids of the orders for which the expiration service has determined the deadline again."""
    not_replayed: dict[str, NotReplayed] = field(default_factory=dict)
    """Maps the name of a service to the tickets or orders that it could not correct.

    The service did not handle the replayed event. To replay an event means to ask the service to handle the event
    again. The key of the inner dict is the id of the ticket or the order. The value is the reason, for example that the
    service does not run.
    """

    def __bool__(self) -> bool:
        return bool(self.republished or self.rebuilt or self.holders or self.deadlines or self.not_replayed)

    def as_json(self) -> dict[str, Any]:
        return {
            "republished": {service: each.as_json() for service, each in self.republished.items()},
            "rebuilt": {name: each.as_json() for name, each in self.rebuilt.items()},
            "holders": self.holders,
            "deadlines": self.deadlines,
            "notReplayed": self.not_replayed,
        }


async def repair(operator: Operator, report: Report) -> Repaired:
    """Repair what the report says, if the stream or the original data show what is right.

    First, let the owners publish again what the stream has lost. Then rebuild the read models that differ from the
    original data. Then ask the tickets service to correct the holders of its tickets, and the expiration service to
    correct its deadlines. You may call this function again with the same report. A second call changes nothing that is
    already right.
    """
    done = Repaired()
    for owner in AGGREGATES:
        lost = {each.subject for each in report.differences if each.subject and is_lost_event(owner, each)}
        if lost:
            done.republished[owner.service] = await republish(operator, owner, sorted(lost))
    for read_model in READ_MODELS:
        if any(difference.rule == read_model.rule for difference in report.differences):
            done.rebuilt[read_model.name] = await rebuild(operator, read_model)
    tickets = {key: await _order_event_for(operator, key) for key in _subjects(report, _HOLDERS)}
    done.holders = await _replay(operator, "tickets", tickets, done)
    orders = {key: await _newest_event_of(operator, key) for key in _subjects(report, _DEADLINES)}
    done.deadlines = await _replay(operator, "expiration", orders, done)
    return done


def _subjects(report: Report, rule: str) -> list[str]:
    return [each.subject for each in report.differences if each.rule == rule and each.subject]


async def _replay(operator: Operator, service: str, events: Mapping[str, Event | None], done: Repaired) -> list[str]:
    """Let the service handle one event per id again. Return the ids for which it did so, and note the others."""
    found = {key: event for key, event in events.items() if event}
    failed = await replay_events(operator, CONSUMERS_OF[service], found.values())
    if failed:
        done.not_replayed[service] = {key: failed[event.id] for key, event in found.items() if event.id in failed}
    return [key for key, event in found.items() if event.id not in failed]


async def _order_event_for(operator: Operator, ticket: str) -> Event | None:
    """Return the event that the tickets service must handle again to correct which order holds the ticket.

    This is the newest event of the ticket's live order (the order that is not cancelled). If the ticket has no live
    order, it is the newest event of the ticket's newest order. Return None if no order of the ticket has an event.
    """
    orders = operator.databases["orders"][owned("orders").collection]
    found = await orders.find({"ticket.id": ticket}, {"status": 1}).sort([("_id", -1)]).to_list(None)
    live = [each for each in found if each.get("status") != OrderStatus.CANCELLED]
    for order in [*live, *found]:
        if event := await _newest_event_of(operator, order["_id"]):
            return event
    return None


async def _newest_event_of(operator: Operator, order: str) -> Event | None:
    events = await read_events_of(operator.broker, owned("orders").events[0], order)
    return max(events, key=lambda event: event.version, default=None)
