"""Orders a second with a few orders stored, and again with three hundred thousand: it must not cost more."""

from datetime import timedelta

from benchmarks.bench import Bench
from benchmarks.figures import Row, Target
from benchmarks.rows.orders import one_round
from benchmarks.stock import stock_orders
from common.clock import utc_now
from common.ids import UserId, new_id
from tickets.ticket import Ticket

_AT_ONCE = 20_000


async def measure(bench: Bench) -> list[Row]:
    count, many = bench.size(1500, 100), bench.size(300_000, 1_000)
    before = await _rounds(bench, count)
    stored = await bench.collection("orders").count_documents({})
    seller = UserId(new_id())
    while (missing := many - await bench.collection("orders").count_documents({})) > 0:
        bench.progress(f"storing orders, {missing:,} to go")
        tickets = (
            Ticket.list_for_sale(seller=seller, title="Concert", price=1999) for _ in range(min(_AT_ONCE, missing))
        )
        # Due in a day: as open as any order, and nobody's deadline for the time of the run.
        await stock_orders(bench, tickets, expires_at=utc_now() + timedelta(days=1), staged=False)
    after = await _rounds(bench, count)
    return [
        Row(
            f"orders, direct, with {many:,} stored",
            "orders/s",
            after,
            before,
            Target("at least 0.9 of that with few stored", at_least=0.9),
            {"floor here": f"the same with {stored:,} stored"},
        )
    ]


async def _rounds(bench: Bench, count: int) -> list[float]:
    rates = []
    for number in range(bench.rounds):
        bench.progress(f"round {number + 1} of {bench.rounds}")
        rates.append((await one_round(bench, count, bench.port("orders")))[0])
    return rates
