"""The history of each ticket, from the events of its owners (orders and tickets) and their times."""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter

from common.domain.event import Event
from common.events.envelope import TIME, decode_event
from common.events.orders import OrderCancelled, OrderCompleted, OrderEvent
from common.events.tickets import TicketEvent, TicketWithdrawn
from common.messaging.broker import Broker
from common.messaging.streams import DOMAIN_EVENTS
from marketplace.operations.stream_reader import read_stream

STATE, PRICE = "state", "price"
Fact = tuple[str, str]
"""A ticket, and STATE or PRICE."""
_SUBJECTS = ("order.*.*", "ticket.*.*")


@dataclass
class Spell:
    """A time during which a fact had one value, in the seconds of `time.monotonic`."""

    value: str
    began: float
    ended: float = float("inf")


History = dict[Fact, list[Spell]]


@dataclass
class _Ticket:
    withdrawn: bool = False
    holding: dict[str, str] = field(default_factory=dict)
    """Maps the id of each order that is not cancelled to the state that it gives the ticket: held or sold.

    There can be two: the next order can be made a moment before the event of a cancellation, and written after it.
    """

    @property
    def state(self) -> str:
        return next(reversed(self.holding.values()), "withdrawn" if self.withdrawn else "on-sale")


async def read_history(broker: Broker, tickets: Collection[str]) -> History:
    """Read the history of these tickets. Call it when all events are published.

    An event has the time at which its service made it, just before the service wrote the change into its database.
    """
    begin = time.monotonic() - time.time()  # when the clock of the events was 0
    published = [
        (begin + datetime.fromisoformat(message.headers[TIME]).timestamp(), decode_event(message.subject, message.data))
        async for message in read_stream(broker, DOMAIN_EVENTS.name, _SUBJECTS)
    ]
    return history_of(published, tickets)


def history_of(published: Iterable[tuple[float, Event]], tickets: Collection[str]) -> History:
    """Return the spells of each fact, in order. `published` are the events with their times."""
    history: History = defaultdict(list)
    states: dict[str, _Ticket] = defaultdict(_Ticket)
    for at, event in sorted(published, key=itemgetter(0)):
        if isinstance(event, TicketEvent) and event.id in tickets:
            states[event.id].withdrawn |= isinstance(event, TicketWithdrawn)
            _note(history[event.id, STATE], states[event.id].state, at)
            _note(history[event.id, PRICE], f"{event.price / 100:.2f}", at)
        elif isinstance(event, OrderEvent) and event.ticket.id in tickets:
            _follow_order(states[event.ticket.id].holding, event)
            _note(history[event.ticket.id, STATE], states[event.ticket.id].state, at)
    return history


def _follow_order(holding: dict[str, str], event: OrderEvent) -> None:
    if isinstance(event, OrderCancelled):
        holding.pop(event.id, None)
    else:
        holding[event.id] = "sold" if isinstance(event, OrderCompleted) else "held"


def _note(spells: list[Spell], value: str, at: float) -> None:
    if spells and spells[-1].value == value:
        return
    if spells:
        spells[-1].ended = at
    spells.append(Spell(value, at))
