"""The first page of what can be bought, with a thousand and a hundred thousand tickets stored."""

from benchmarks.bench import Bench
from benchmarks.figures import Row, Target, percentile
from benchmarks.generators import Load
from benchmarks.stock import remove, stock_tickets

_FEW, _MANY = 1_000, 100_000
_CONNECTIONS = 32


async def measure(bench: Bench) -> list[Row]:
    few, many = bench.size(_FEW, 50), bench.size(_MANY, 500)
    stocked = await stock_tickets(bench, few)
    with_few = [await _rate(bench) for _ in range(bench.rounds + 1)][1:]  # the first one warms up
    bench.progress(f"storing {many:,} tickets")
    stocked += await stock_tickets(bench, many - few)
    with_many = [await _rate(bench) for _ in range(bench.rounds + 1)][1:]
    row = Row(
        f"first page of {many:,} tickets",
        "pages/s",
        with_many,
        with_few,
        Target("at least 0.8 of that with 1,000 stored", at_least=0.8),
        {"floor here": f"the same with {few:,} stored"},
    )
    late = [await _late(bench, row.median / 2) for _ in range(bench.rounds)]
    ids = [ticket.id for ticket in stocked]
    await remove(bench.collection("tickets"), ids)
    await remove(bench.collection("orders", "ticket_replicas"), ids)
    return [
        row,
        Row("first page, p99 at half that rate", "ms", late, (), Target("at most 20 ms", "median", at_most=20)),
    ]


def _load(bench: Bench, count: int, rate: float | None = None) -> Load:
    return Load(bench.port("tickets"), "GET", "/api/tickets", [""] * count, (), _CONNECTIONS, rate)


async def _rate(bench: Bench) -> float:
    count = bench.size(1000, 50)
    outcome = await _load(bench, count).run()
    outcome.require(200)
    return count / (outcome.ended - outcome.began)


async def _late(bench: Bench, rate: float) -> float:
    outcome = await _load(bench, bench.size(int(rate * 4), 50), rate).run()
    outcome.require(200)
    return percentile([answer.seconds * 1000 for answer in outcome.answers], 99)
