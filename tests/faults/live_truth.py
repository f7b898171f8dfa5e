"""What the owners say about each ticket over time: orders and tickets, in their databases."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from pymongo.errors import PyMongoError

from common.domain.errors import DependencyUnavailable
from faults.context import ScenarioContext
from orders.order import OrderStatus

_PAUSE_SECONDS = 0.03
STATE, PRICE = "state", "price"
Fact = tuple[str, str]
"""A ticket, and STATE or PRICE."""


@dataclass
class Spell:
    """A time during which a fact had one value."""

    value: str
    began: float
    """The begin of the last look that did not show it yet, so the value did not begin earlier."""
    last_seen: float
    """The begin of the last look that showed it, so the value did not end earlier."""


@dataclass
class Truth:
    """Looks at the databases of the owners again and again. Times are those of `time.monotonic`."""

    context: ScenarioContext
    tickets: list[str] = field(default_factory=list)
    history: dict[Fact, list[Spell]] = field(default_factory=lambda: defaultdict(list))
    _finished: float = 0.0
    """The begin of the last look that is finished."""
    _holding: set[str] = field(default_factory=set)
    """The orders that a look has shown while they held their ticket."""
    _ended: set[str] = field(default_factory=set)
    _look_done: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until_seen(self) -> None:
        """Wait until a look has begun after this call and is finished. So no value is missed between two changes."""
        called = time.monotonic()
        async with self._look_done:
            await self._look_done.wait_for(lambda: self._finished > called)

    def now(self, ticket: str) -> str:
        spells = self.history[ticket, STATE]
        return spells[-1].value if spells else ""

    async def look(self) -> None:
        began = time.monotonic()
        # A ticket that is sold or withdrawn does not change any more.
        tickets = [each for each in self.tickets if self.now(each) not in {"sold", "withdrawn"}]
        databases, wanted = self.context.operator.databases, {"$in": tickets}
        listed = await databases["tickets"]["tickets"].find({"_id": wanted}).to_list(None)
        orders = await databases["orders"]["orders"].find({"ticket.id": wanted}).to_list(None)
        self.note(began, listed, orders)
        async with self._look_done:
            self._finished = began
            self._look_done.notify_all()

    def note(self, began: float, tickets: Iterable[Mapping[str, Any]], orders: Sequence[Mapping[str, Any]]) -> None:
        """Note what a look has shown that began at `began`: documents of tickets, and all orders for them."""
        for ticket in tickets:
            holds = self._follow_orders([order for order in orders if order["ticket"]["id"] == ticket["_id"]])
            self._note((ticket["_id"], STATE), _state(ticket.get("withdrawn", False), holds), began)
            self._note((ticket["_id"], PRICE), f"{ticket['price'] / 100:.2f}", began)

    def _follow_orders(self, orders: Sequence[Mapping[str, Any]]) -> str | None:
        """Note what no look has shown: an order that began and ended. Return the status of the order that holds now."""
        holds = None
        for order in sorted(orders, key=_live_last):
            fact, order_id = (order["ticket"]["id"], STATE), order["_id"]
            if order["status"] != OrderStatus.CANCELLED:
                holds = order["status"]
                self._holding.add(order_id)
            elif order_id not in self._ended:
                self._ended.add(order_id)
                if order_id not in self._holding:
                    self._note_missed(fact, "held")
                self._note_missed(fact, "on-sale")
        return holds

    def _note_missed(self, fact: Fact, value: str) -> None:
        """Note a value that began and ended after the last look before."""
        spells = self.history[fact]
        last_seen = spells[-1].last_seen if spells else float("-inf")
        if not spells or spells[-1].value != value:
            spells.append(Spell(value, last_seen, last_seen))

    def _note(self, fact: Fact, value: str, began: float) -> None:
        spells = self.history[fact]
        if spells and spells[-1].value == value:
            spells[-1].last_seen = began
        else:
            spells.append(Spell(value, spells[-1].last_seen if spells else float("-inf"), began))


def _live_last(order: Mapping[str, Any]) -> tuple[bool, str]:
    """Return the key that sorts the orders of a ticket by the time at which they ended. An id grows with its time."""
    return order["status"] != OrderStatus.CANCELLED, order["_id"]


def _state(withdrawn: bool, holds: str | None) -> str:
    """Return the state as a page names it. Orders decides who holds a ticket; tickets says so only a moment later."""
    if holds is not None:
        return "sold" if holds == OrderStatus.COMPLETED.value else "held"
    return "withdrawn" if withdrawn else "on-sale"


@asynccontextmanager
async def observed_truth(context: ScenarioContext) -> AsyncIterator[Truth]:
    truth = Truth(context)
    looking = asyncio.create_task(_look_for_ever(truth))
    try:
        yield truth
    finally:
        looking.cancel()
        await asyncio.wait({looking})


async def _look_for_ever(truth: Truth) -> None:
    while True:
        with suppress(PyMongoError, DependencyUnavailable):  # MongoDB is away, so nothing changes meanwhile
            await truth.look()
        await asyncio.sleep(_PAUSE_SECONDS)
