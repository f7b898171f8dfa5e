"""Orders a second with a thousand orders stored, and again with three hundred thousand: it must not cost more."""

from datetime import timedelta

from benchmarks.bench import Bench
from benchmarks.figures import Row, Target
from benchmarks.rows.orders import one_round
from benchmarks.stock import remove, stock_orders
from common.clock import utc_now
from common.ids import UserId, new_id
from tickets.ticket import Ticket

_AT_ONCE = 20_000


async def measure(bench: Bench) -> list[Row]:
    count = bench.size(1000, 40)
    few, many = bench.size(1_000, 100), bench.size(300_000, 1_000)
    orders = bench.collection("orders")
    # What the rows before have placed goes: all that it set off is over.
    await remove(orders, [order["_id"] for order in await orders.find({}, {"_id": 1}).to_list(None)])
    await _store(bench, few)
    before = await _rounds(bench, count)
    await _store(bench, many)
    after = await _rounds(bench, count)
    target = Target("at least 0.9 of that with 1,000 stored", at_least=0.9)
    notes = {"floor here": f"the same with {few:,} stored, and those of the rounds"}
    return [Row(f"orders, direct, with {many:,} stored", "orders/s", after, before, target, notes)]


async def _store(bench: Bench, wanted: int) -> None:
    """Until there are so many; due in a day, so as open as any order, and nobody's deadline while this runs."""
    seller = UserId(new_id())
    while (missing := wanted - await bench.collection("orders").count_documents({})) > 0:
        bench.progress(f"storing orders, {missing:,} to go")
        tickets = [
            Ticket.list_for_sale(seller=seller, title="Concert", price=1999) for _ in range(min(_AT_ONCE, missing))
        ]
        await stock_orders(bench, tickets, expires_at=utc_now() + timedelta(days=1), staged=False)


async def _rounds(bench: Bench, count: int) -> list[float]:
    rates = []
    for number in range(bench.rounds):
        bench.progress(f"round {number + 1} of {bench.rounds}")
        rates.append((await one_round(bench, count, bench.port("orders"))).rate)
    return rates
