"""Many deadlines due at the same moment: how long after it the last order is cancelled.

The orders are stored with their events staged, as if they had been placed at once; the relay's sweep publishes them,
and everything from there on is the platform's own way. An effect is the arrival of `order.cancelled`. The floor
(benchmarks.floor_deadlines) makes the same round trips with the plain clients.
"""

import asyncio
from collections import defaultdict
from datetime import datetime, timedelta

from nats.aio.msg import Msg

from benchmarks.bench import Bench
from benchmarks.figures import Row, Target, percentile
from benchmarks.floor_deadlines import last_of_the_floor
from benchmarks.rows.orders import peak_of
from benchmarks.stock import stock_orders, stock_tickets
from common.domain.clock import utc_now
from common.events.envelope import MESSAGE_ID

_WITHIN_SECONDS = 90.0


async def measure(bench: Bench) -> list[Row]:
    count = bench.size(5000, 50)
    # Until then, every service has to have heard of every order. Three of them do, on the same cores.
    ahead = bench.size(8, 3) + count / await peak_of(bench) * 1.5
    rounds, floors, notes = [], [], {}
    for number in range(bench.rounds):
        of = f"round {number + 1} of {bench.rounds}"
        bench.progress(f"{count:,} deadlines of the floor, {of}")
        floors.append(await last_of_the_floor(bench, count, seconds_ahead=bench.size(4, 1)))
        bench.progress(f"{count:,} deadlines, {of}")
        late, in_time = await _round(bench, count, min(ahead, _WITHIN_SECONDS))
        rounds.append(max(late))
        notes = {"p50": f"{percentile(late, 50):,.0f} ms", "first": f"{min(late):,.0f} ms"}
        if not in_time:
            notes["beware"] = "the platform had not heard of all orders when they were due"
    target = Target("all once, the last within 500 ms", "median", at_most=500)
    return [Row(f"{count:,} deadlines at once: the last", "ms late", rounds, floors, target, notes)]


async def _round(bench: Bench, count: int, ahead: float) -> tuple[list[float], bool]:
    """How late each was, in milliseconds; and whether every service knew of all of them in time."""
    tickets = await stock_tickets(bench, count)
    due = utc_now() + timedelta(seconds=ahead)
    effects: dict[str, datetime] = {}
    facts: defaultdict[str, set[str]] = defaultdict(set)
    complete = asyncio.Event()

    async def note(message: Msg) -> None:
        order = message.subject.rpartition(".")[2]
        effects.setdefault(order, utc_now())
        # A fact that is published twice, because its acknowledgement was late, is one message to the stream.
        facts[order].add((message.headers or {})[MESSAGE_ID])
        if len(effects) == count:
            complete.set()

    subscription = await bench.operator.broker.client.subscribe("order.cancelled.*", cb=note)
    await stock_orders(bench, tickets, expires_at=due, staged=True)
    await bench.quiet()
    in_time = utc_now() < due
    async with asyncio.timeout((due - utc_now()).total_seconds() + _WITHIN_SECONDS):
        await complete.wait()
    await bench.quiet()
    await subscription.unsubscribe()
    if twice := [order for order, ids in facts.items() if len(ids) > 1]:
        raise RuntimeError(f"{len(twice)} deadlines took effect twice")
    return [(effect - due).total_seconds() * 1000 for effect in effects.values()], in_time
