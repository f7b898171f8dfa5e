"""The first page of what can be bought, with a thousand and a hundred thousand tickets stored."""

import asyncio
from statistics import median

from benchmarks.bench import Bench
from benchmarks.figures import Row, Target, percentile
from benchmarks.generators import Load
from benchmarks.stock import checkpoint, remove, stock_tickets

_FEW, _MANY = 1_000, 100_000
_CONNECTIONS = 32


async def measure(bench: Bench) -> list[Row]:
    few, many = bench.size(_FEW, 50), bench.size(_MANY, 500)
    stocked = await _stock(bench, few)
    with_few = await _rates(bench)
    bench.progress(f"storing {many:,} tickets")
    more = await _stock(bench, many - few)
    with_many = await _rates(bench)
    late, floors = [], []
    for _ in range(bench.rounds):
        floors.append(await _late(bench, bench.floor.port, median(with_many) / 2))
        late.append(await _late(bench, bench.port("tickets"), median(with_many) / 2))
    # The machine drifts: so the few come before the many and once more after them.
    await _remove(bench, more)
    with_few += await _rates(bench)
    await _remove(bench, stocked)
    row = Row(
        f"first page of {many:,} tickets",
        "pages/s",
        with_many,
        with_few,
        Target("at least 0.8 of that with 1,000 stored", at_least=0.8),
        {"floor here": f"the same with {few:,} stored: before these, and again when they were removed"},
    )
    return [
        row,
        Row("first page, p99 at half that rate", "ms", late, floors, Target("at most 20 ms", "median", at_most=20)),
    ]


def _load(port: int, count: int, rate: float | None = None) -> Load:
    return Load(port, "GET", "/api/tickets", [""] * count, (), _CONNECTIONS, rate)


async def _stock(bench: Bench, count: int) -> list[str]:
    stocked = [ticket.id for ticket in await stock_tickets(bench, count)]
    await asyncio.to_thread(checkpoint, bench.platform.mongo_url)
    return stocked


async def _remove(bench: Bench, tickets: list[str]) -> None:
    await remove(bench.collection("tickets"), tickets)
    await remove(bench.collection("orders", "ticket_replicas"), tickets)
    await asyncio.to_thread(checkpoint, bench.platform.mongo_url)


async def _rates(bench: Bench) -> list[float]:
    return [await _rate(bench) for _ in range(bench.rounds + 1)][1:]  # the first one warms up


async def _rate(bench: Bench) -> float:
    count = bench.size(1000, 50)
    outcome = await _load(bench.port("tickets"), count).run()
    outcome.require(200)
    return count / (outcome.ended - outcome.began)


async def _late(bench: Bench, port: int, rate: float) -> float:
    """The p99. Of the floor, which does nothing, it is what the machine and the generator add."""
    outcome = await _load(port, bench.size(int(rate * 4), 50), rate).run()
    outcome.require(201 if port == bench.floor.port else 200)
    return percentile([answer.seconds * 1000 for answer in outcome.answers], 99)
