"""Measures how late the last order is cancelled when many unpaid orders expire at the same time.

The time at which an order expires is called its deadline. This module stores the orders directly in the database. The
document of each order contains its event in an outbox (a list of unpublished events). The orders service finds these
events and publishes them. Then the services set a timer for each deadline, and cancel the orders when the timers fire,
as usual. The module waits for the event `order.cancelled` of each order.

The baseline (benchmarks.baseline_deadlines), with which we compare the platform, sets the same number of timers with
the plain client of NATS. It makes only the necessary calls to MongoDB and NATS.
"""

import asyncio
from collections import defaultdict
from datetime import datetime, timedelta

from nats.aio.msg import Msg

from benchmarks.baseline_deadlines import measure_baseline_deadlines
from benchmarks.bench import Bench
from benchmarks.figures import Row, Target, percentile
from benchmarks.rows.orders import peak_of
from benchmarks.seed_data import seed_orders, seed_tickets
from common.domain.clock import utc_now
from common.events.envelope import MESSAGE_ID

_WITHIN_SECONDS = 90.0


async def measure(bench: Bench) -> list[Row]:
    count = bench.size(5000, 50)
    # Three services must handle the events of all orders before the orders expire, and these services share the cores
    # of the machine. Therefore, if there are more orders, we let them expire later.
    ahead = bench.size(8, 3) + count / await peak_of(bench) * 1.5
    rounds, baselines, notes = [], [], {}
    for number in range(bench.rounds):
        of = f"round {number + 1} of {bench.rounds}"
        bench.progress(f"baseline: {count:,} deadlines, {of}")
        baselines.append(await measure_baseline_deadlines(bench, count, seconds_ahead=bench.size(4, 1)))
        bench.progress(f"{count:,} deadlines, {of}")
        late, in_time = await _round(bench, count, min(ahead, _WITHIN_SECONDS))
        rounds.append(max(late))
        notes = {"p50": f"{percentile(late, 50):,.0f} ms", "first": f"{min(late):,.0f} ms"}
        if not in_time:
            notes["warning"] = "not all services had handled the order events when the deadlines were due"
    target = Target("all once, the last within 500 ms", "median", at_most=500)
    return [Row(f"{count:,} deadlines at once: the last", "ms late", rounds, baselines, target, notes)]


async def _round(bench: Bench, count: int, ahead: float) -> tuple[list[float], bool]:
    """Measure one round, in which all orders expire at the same time, in `ahead` seconds.

    Return a list with the milliseconds from this time until the cancellation of each order. Also return whether all
    services had handled the events of the orders before this time.
    """
    tickets = await seed_tickets(bench, count)
    due = utc_now() + timedelta(seconds=ahead)
    effects: dict[str, datetime] = {}
    event_ids: defaultdict[str, set[str]] = defaultdict(set)
    complete = asyncio.Event()

    async def note(message: Msg) -> None:
        order = message.subject.rpartition(".")[2]
        effects.setdefault(order, utc_now())
        # If NATS acknowledges an event late, the orders service may publish the same event twice. Both messages then
        # have the same id. If we receive two different ids, the order was cancelled twice.
        event_ids[order].add((message.headers or {})[MESSAGE_ID])
        if len(effects) == count:
            complete.set()

    subscription = await bench.operator.broker.client.subscribe("order.cancelled.*", cb=note)
    await seed_orders(bench, tickets, expires_at=due, staged=True)
    await bench.wait_until_idle()
    in_time = utc_now() < due
    async with asyncio.timeout((due - utc_now()).total_seconds() + _WITHIN_SECONDS):
        await complete.wait()
    await bench.wait_until_idle()
    await subscription.unsubscribe()
    if twice := [order for order, ids in event_ids.items() if len(ids) > 1]:
        raise RuntimeError(f"{len(twice)} orders were cancelled twice")
    return [(effect - due).total_seconds() * 1000 for effect in effects.values()], in_time
