"""Timers: each deadline takes effect once and in time, also if it was due during an outage or was extended."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from common.domain.event import Event
from common.events.expiration import ExpirationCompleted
from common.events.orders import OrderCancelled
from common.messaging.streams import stream_of
from devkit.testing.eventually import eventually
from faults.context import Person, ScenarioContext, run_concurrently
from faults.scenario import Outcome, Scenario, require
from marketplace.operations.stream_reader import read_stream

_AT_MOST_LATE = timedelta(seconds=1)
_AT_ONCE = 25
_LONGEST_WINDOW = 60
"""Seconds: the platform's setting (see Scenario)."""
_EXTENDED = 5
"""One of this number of orders is extended."""
_PARTS = (("nats",), ("expiration", "expiration-2"))
"""The processes that are down while deadlines pass: the broker in one round, the service in the next."""


@dataclass(frozen=True)
class Round:
    """`orders` deadlines, spread evenly over `due_for` seconds, and an outage in the middle of them."""

    orders: int
    due_for: float
    away: tuple[str, ...]
    away_for: float


@dataclass(frozen=True, repr=False)
class Outage:
    began: datetime
    ended: datetime
    """When the killed processes were ready again."""

    def __repr__(self) -> str:
        return f"{self.began:%H:%M:%S.%f} to {self.ended:%H:%M:%S.%f}"

    def concerns(self, due: datetime) -> bool:
        """Whether this deadline was due during the outage, or so shortly before that its events may have waited."""
        return self.began - _AT_MOST_LATE < due < self.ended


@dataclass
class Deadlines:
    due: dict[str, datetime] = field(default_factory=dict)
    """By order."""
    outages: list[Outage] = field(default_factory=list)

    def late(self, order: str, effect: datetime) -> timedelta:
        """Return the time from the deadline, or from the recovery if that is later, to the effect."""
        due = self.due[order]
        return effect - max([due, *(outage.ended for outage in self.outages if outage.concerns(due))])

    def due_meanwhile(self) -> int:
        return sum(any(outage.began < due < outage.ended for outage in self.outages) for due in self.due.values())


async def run(context: ScenarioContext) -> Outcome:
    seller, buyer = await context.person(), await context.person()
    orders, due_for, away_for = (50, 1.5, 0.4) if context.short else (500, 20.0, 2.0)
    rounds = [Round(orders, due_for, parts, away_for) for parts in _PARTS] * context.size(2, 1)
    deadlines = Deadlines()
    for each in rounds:
        await _play(context, each, seller, buyer, deadlines)
        context.progress(len(deadlines.due), orders * len(rounds))
    await _until_all_are_cancelled(context, deadlines.due)
    differences = await context.settle()
    require(not differences, f"the audit found: {differences[:3]}")
    expired = await _the_only_one(context, ExpirationCompleted, deadlines.due)
    cancelled = await _the_only_one(context, OrderCancelled, deadlines.due)
    last_expired = _the_latest(deadlines, ExpirationCompleted, expired)
    last_cancelled = _the_latest(deadlines, OrderCancelled, cancelled)
    meanwhile = deadlines.due_meanwhile()
    require(meanwhile >= len(deadlines.due) * 0.05, f"only {meanwhile} were due during an outage: too few")
    return Outcome(
        done=f"{len(deadlines.due)} orders left to expire, one of {_EXTENDED} extended",
        injected=f"{len(rounds)} times, in turn, nats-server or both instances of expiration killed (SIGKILL), "
        f"and started {away_for:g} s later",
        checked="one expiration.completed and one order.cancelled for each, not before its deadline, and "
        "at most 1 s late; the audit",
        figures={
            "due during an outage": str(meanwhile),
            "last expiration.completed": f"{last_expired:.2f} s late",
            "last order.cancelled": f"{last_cancelled:.2f} s late",
        },
    )


async def _play(context: ScenarioContext, plan: Round, seller: Person, buyer: Person, deadlines: Deadlines) -> None:
    began = time.time()
    tickets = await run_concurrently((seller.list_ticket() for _ in range(plan.orders)), at_most=_AT_ONCE)
    # Ordering takes longer than listing. The first deadline passes after the last order is placed.
    placed_at = time.time() + 2.5 * (time.time() - began) + 0.5
    wanted = [placed_at + context.random.uniform(0, plan.due_for) for _ in tickets]
    extended = [number % _EXTENDED == 0 for number in range(plan.orders)]
    placed = await run_concurrently(map(_place, [buyer] * plan.orders, tickets, wanted, extended), at_most=_AT_ONCE)
    deadlines.due |= dict(placed)
    away_at = placed_at + (plan.due_for - plan.away_for) / 2
    await asyncio.sleep(max(0.0, away_at - time.time()))
    deadlines.outages.append(await _outage(context, plan.away, plan.away_for))
    await asyncio.sleep(max(0.0, max(due.timestamp() for _, due in placed) - time.time()))


async def _place(buyer: Person, ticket: str, wanted: float, extended: bool) -> tuple[str, datetime]:
    """Place an order that is due at about this time. If it is extended, its first deadline is at half of the time."""
    left = wanted - time.time()
    window = max(2, round(left / 2)) if extended else max(1, round(left))
    answer = await buyer.place_order(ticket, windowSeconds=min(_LONGEST_WINDOW, window))
    require(answer.status_code == 201, f"an order was answered {answer.status_code}: {answer.text}")
    order = answer.json()
    if extended:
        answer = await buyer.request_with_retries("POST", f"/api/orders/{order['id']}/extension")
        require(answer.status_code == 200, f"an extension was answered {answer.status_code}: {answer.text}")
        order = answer.json()
    return str(order["id"]), datetime.fromisoformat(order["expiresAt"])


async def _outage(context: ScenarioContext, names: Iterable[str], seconds: float) -> Outage:
    began = datetime.now(UTC)
    await asyncio.gather(*(context.platform.kill(name, restart=False) for name in names))
    await asyncio.sleep(seconds)
    await asyncio.gather(*(context.platform.start(name) for name in names))
    return Outage(began, datetime.now(UTC))


async def _until_all_are_cancelled(context: ScenarioContext, due: Iterable[str]) -> None:
    orders = context.operator.databases["orders"]["orders"]
    open_ones = {"_id": {"$in": list(due)}, "status": {"$ne": "cancelled"}}
    await eventually(
        lambda: orders.count_documents(open_ones),
        until=lambda left: left == 0,
        within=30,
        what="all orders cancelled",
    )


async def _the_only_one(
    context: ScenarioContext, event_type: type[ExpirationCompleted | OrderCancelled], due: Mapping[str, datetime]
) -> dict[str, datetime]:
    """Expect exactly one event of this type per order and deadline; return the time at which the stream stored it."""
    found = defaultdict(list)
    async for message in read_stream(context.operator.broker, stream_of(event_type).name, [event_type.subjects()]):
        event = event_type.model_validate_json(message.data)
        if event.expires_at == due.get(event.id):
            found[event.id].append(message.stored_at)
    wrong = {order: len(found[order]) for order in due if len(found[order]) != 1}
    require(not wrong, f"expected one {event_type.type_name()} per order, found: {dict(list(wrong.items())[:3])}")
    early = [order for order, at in due.items() if found[order][0] < at]
    require(not early, f"{event_type.type_name()} came before the deadline of {early[:3]}")
    return {order: found[order][0] for order in due}


def _the_latest(deadlines: Deadlines, event_type: type[Event], effects: Mapping[str, datetime]) -> float:
    """Return the largest delay in seconds; fail with the details if it is too large."""
    late = {order: deadlines.late(order, at) for order, at in effects.items()}
    too_late = [order for order in late if late[order] > _AT_MOST_LATE]
    last = max(late, key=lambda order: late[order])
    require(
        not too_late,
        f"{len(too_late)} {event_type.type_name()} came more than 1 s late; the last one, {last}, "
        f"{late[last].total_seconds():.2f} s: "
        f"due at {deadlines.due[last]:%H:%M:%S.%f}, done at {effects[last]:%H:%M:%S.%f}; outages: {deadlines.outages}",
    )
    return late[last].total_seconds()


SCENARIO = Scenario("Timers", run)
