"""Orders a second with a thousand orders stored, with three hundred thousand, and on the way there.

The machine drifts over the minutes that lie between: so the thousand come before the many and once more after them,
when these have been removed; and each point has a round of the floor beside it, which stores none of the many.
"""

import asyncio
from datetime import timedelta
from statistics import median

from benchmarks.bench import Bench
from benchmarks.figures import Row, Target
from benchmarks.plots import Plot
from benchmarks.rows.orders import orders_of, round_of, round_of_floor
from benchmarks.stock import checkpoint, remove, stock_orders, stock_tickets
from common.domain.clock import utc_now
from common.domain.ids import UserId, new_id
from tickets.ticket import Ticket

_STORED = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000)
_STORED_BY_SMOKE = (50, 100, 200)
_AT_ONCE = 20_000

Points = list[tuple[float, float]]


async def measure(bench: Bench) -> list[Row]:
    few, *between, many = _STORED_BY_SMOKE if bench.smoke else _STORED
    orders: Points = []
    floor: Points = []
    before = await _with(bench, few, orders, floor, bench.rounds)
    for stored in between:
        await _with(bench, stored, orders, floor, 1)
    with_many = await _with(bench, many, orders, floor, bench.rounds)
    again: Points = []
    beside: Points = []
    after = await _with(bench, few, again, beside, bench.rounds)
    bench.plots.append(
        Plot(
            "stored",
            "POST /api/orders: orders a second, however many are stored",
            "orders stored before",
            "orders/s, until published",
            {"platform": orders, "floor beside it, which stores none of these": floor},
        )
    )
    notes = {
        "floor here": f"the same with {few:,} stored: before these, and again when they were removed",
        "with few, with many, with few again": f"{_listed(orders[0], orders[-1], *again)} orders/s",
        "the floor beside these": f"{_listed(floor[0], floor[-1], *beside)} orders/s",
    }
    target = Target("at least 0.9 of that with 1,000 stored", at_least=0.9)
    return [Row(f"orders, direct, with {many:,} stored", "orders/s", with_many, before + after, target, notes)]


def _listed(*points: tuple[float, float]) -> str:
    return ", ".join(f"{rate:,.0f}" for _, rate in points)


async def _with(bench: Bench, stored: int, orders: Points, floor: Points, rounds: int) -> list[float]:
    """The rate of each round with so many stored; the medians become points of the plot."""
    await _store(bench, stored)
    bench.progress(f"with {stored:,} stored")
    count = bench.size(600, 20)
    floor.append((stored, (await round_of_floor(bench, count)).rate))
    rates = []
    for _ in range(rounds):
        tickets = [ticket.id for ticket in await stock_tickets(bench, count)]
        rates.append((await round_of(bench, orders_of(bench, tickets, bench.port("orders")))).rate)
    orders.append((stored, median(rates)))
    return rates


async def _store(bench: Bench, wanted: int) -> None:
    """Until there are so many, no more; due in a day, so as open as any order, and nobody's deadline meanwhile."""
    orders, seller = bench.collection("orders"), UserId(new_id())
    bench.progress(f"storing {wanted:,} orders")
    while (missing := wanted - await orders.count_documents({})) > 0:
        tickets = [
            Ticket.list_for_sale(seller=seller, title="Concert", price=1999) for _ in range(min(_AT_ONCE, missing))
        ]
        await stock_orders(bench, tickets, expires_at=utc_now() + timedelta(days=1), staged=False)
    if missing < 0:
        newest_first = await orders.find({}, {"_id": 1}).sort([("_id", -1)]).limit(-missing).to_list(None)
        await remove(orders, [order["_id"] for order in newest_first])
    # What the storing itself still owes the disk is not the rounds' to pay.
    await asyncio.to_thread(checkpoint, bench.platform.mongo_url)
