"""Measures orders per second while 1,000 to 300,000 other orders are stored in the database.

The result table shows the result with 300,000 stored orders, and compares it with the result with 1,000 stored orders.
The speed of the machine changes within minutes. Therefore we measure with 1,000 stored orders twice: before we store
more orders, and after we have removed these orders.

The plot has a second curve, for the baseline program (a minimal program that also places orders). We measure one round
of this program for each number of orders that the platform has stored. But we store no additional orders in the
database of this program. So if its curve falls or rises, the machine has become slower or faster.
"""

import asyncio
from datetime import timedelta
from statistics import median

from benchmarks.bench import Bench
from benchmarks.figures import Row, Target
from benchmarks.plots import Plot
from benchmarks.rows.orders import orders_of, round_of, round_of_baseline
from benchmarks.seed_data import checkpoint, remove, seed_orders, seed_tickets
from common.domain.clock import utc_now
from common.domain.ids import UserId, new_id
from common.messaging.newest_events import newest_events
from common.runtime.restore_check import ACCEPTED, RESTORES
from tickets.ticket import Ticket

_STORED = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000)
_STORED_BY_SMOKE = (50, 100, 200)
_AT_ONCE = 20_000

Points = list[tuple[float, float]]


async def measure(bench: Bench) -> list[Row]:
    few, *between, many = _STORED_BY_SMOKE if bench.smoke else _STORED
    orders: Points = []
    baseline: Points = []
    before = await _with(bench, few, orders, baseline, bench.rounds)
    for stored in between:
        await _with(bench, stored, orders, baseline, 1)
    with_many = await _with(bench, many, orders, baseline, bench.rounds)
    again: Points = []
    beside: Points = []
    after = await _with(bench, few, again, beside, bench.rounds)
    bench.plots.append(
        Plot(
            "stored",
            "POST /api/orders: orders per second by number of stored orders",
            "orders stored before",
            "orders/s, until published",
            {"platform": orders, "baseline, whose database does not grow": baseline},
        )
    )
    notes = {
        "baseline of this row": f"the same with {few:,} stored, before and after",
        f"with {few:,}, with {many:,}, with {few:,} again": f"{_listed(orders[0], orders[-1], *again)} orders/s",
        "the baseline program at the same times": f"{_listed(baseline[0], baseline[-1], *beside)} orders/s",
    }
    target = Target("at least 0.9 of that with 1,000 stored", at_least=0.9)
    return [Row(f"orders, direct, with {many:,} stored", "orders/s", with_many, before + after, target, notes)]


def _listed(*points: tuple[float, float]) -> str:
    return ", ".join(f"{rate:,.0f}" for _, rate in points)


async def _with(bench: Bench, stored: int, orders: Points, baseline: Points, rounds: int) -> list[float]:
    """Change the number of stored orders to `stored`. Then return the orders per second of each round.

    `orders` and `baseline` are the points of two curves. The function appends the median of the rounds to `orders`. It
    also measures one round of the baseline program, and appends the result to `baseline`.
    """
    await _store(bench, stored)
    bench.progress(f"with {stored:,} stored")
    count = bench.size(600, 20)
    baseline.append((stored, (await round_of_baseline(bench, count)).rate))
    rates = []
    for _ in range(rounds):
        tickets = [ticket.id for ticket in await seed_tickets(bench, count)]
        rates.append((await round_of(bench, orders_of(bench, tickets, bench.port("orders")))).rate)
    orders.append((stored, median(rates)))
    return rates


async def _store(bench: Bench, wanted: int) -> None:
    """Add or remove orders until `wanted` orders are stored.

    The added orders are open (neither paid nor cancelled), and expire after one day, so none expires during the run.
    """
    orders, seller = bench.collection("orders"), UserId(new_id())
    bench.progress(f"storing {wanted:,} orders")
    while (missing := wanted - await orders.count_documents({})) > 0:
        tickets = [
            Ticket.list_for_sale(seller=seller, title="Concert", price=1999) for _ in range(min(_AT_ONCE, missing))
        ]
        await seed_orders(bench, tickets, expires_at=utc_now() + timedelta(days=1), staged=False)
    if missing < 0:
        newest_first = await orders.find({}, {"_id": 1}).sort([("_id", -1)]).limit(-missing).to_list(None)
        await remove(orders, [order["_id"] for order in newest_first])
        await _accept_the_loss(bench)
    await asyncio.to_thread(checkpoint, bench.platform.mongo_url)


async def _accept_the_loss(bench: Bench) -> None:
    """Let the orders service start again, although the stream has events of the orders that were removed.

    At its start, the service looks for its newest events in its database (see common.runtime.restore_check).
    """
    accepted = [event.event_id for event in await newest_events(bench.operator.broker, "orders")]
    await bench.collection("orders", RESTORES).update_one(
        {"_id": ACCEPTED}, {"$set": {"event_ids": accepted}}, upsert=True
    )
