"""Measures how fast the tickets service returns the first page of the ticket list.

The first row of the result table shows the pages per second with 100,000 stored tickets. We compare this result with
the same service with 1,000 stored tickets. The second row shows the response time with 100,000 stored tickets, when we
request half as many pages per second as in the first row. We compare this response time with that of the baseline
program, a minimal program that answers these requests without any work.
"""

import asyncio
from statistics import median

from benchmarks.bench import Bench
from benchmarks.figures import Row, Target, percentile
from benchmarks.generators import Load
from benchmarks.seed_data import checkpoint, remove, seed_tickets

_FEW, _MANY = 1_000, 100_000
_CONNECTIONS = 32


async def measure(bench: Bench) -> list[Row]:
    few, many = bench.size(_FEW, 50), bench.size(_MANY, 500)
    seeded = await _seed(bench, few)
    with_few = await _rates(bench)
    bench.progress(f"storing {many:,} tickets")
    more = await _seed(bench, many - few)
    with_many = await _rates(bench)
    late, baselines = [], []
    for _ in range(bench.rounds):
        baselines.append(await _late(bench, bench.baseline.port, median(with_many) / 2))
        late.append(await _late(bench, bench.port("tickets"), median(with_many) / 2))
    # The speed of the machine changes. Therefore we measure with the small number of tickets twice, before and after
    # the measurement with the large number of tickets.
    await _remove(bench, more)
    with_few += await _rates(bench)
    await _remove(bench, seeded)
    row = Row(
        f"first page of {many:,} tickets",
        "pages/s",
        with_many,
        with_few,
        Target("at least 0.8 of that with 1,000 stored", at_least=0.8),
        {"baseline of this row": f"the same with {few:,} stored, before and after"},
    )
    return [
        row,
        Row("first page, p99 at half that rate", "ms", late, baselines, Target("at most 20 ms", "median", at_most=20)),
    ]


def _load(port: int, count: int, rate: float | None = None) -> Load:
    return Load(port, "GET", "/api/tickets", [""] * count, (), _CONNECTIONS, rate)


async def _seed(bench: Bench, count: int) -> list[str]:
    seeded = [ticket.id for ticket in await seed_tickets(bench, count)]
    await asyncio.to_thread(checkpoint, bench.platform.mongo_url)
    return seeded


async def _remove(bench: Bench, tickets: list[str]) -> None:
    await remove(bench.collection("tickets"), tickets)
    await remove(bench.collection("orders", "ticket_replicas"), tickets)
    await asyncio.to_thread(checkpoint, bench.platform.mongo_url)


async def _rates(bench: Bench) -> list[float]:
    return [await _rate(bench) for _ in range(bench.rounds + 1)][1:]  # the first rate is only a warm-up, so we drop it


async def _rate(bench: Bench) -> float:
    count = bench.size(1000, 50)
    outcome = await _load(bench.port("tickets"), count).run()
    outcome.require(200)
    return count / (outcome.ended - outcome.began)


async def _late(bench: Bench, port: int, rate: float) -> float:
    """Send `rate` requests per second to this port. Return the 99th percentile of the response times, in milliseconds.

    If `port` is the port of the baseline program, this program answers without doing any work. So the result shows how
    much time the machine and the load generator need.
    """
    outcome = await _load(port, bench.size(int(rate * 4), 50), rate).run()
    outcome.require(201 if port == bench.baseline.port else 200)
    return percentile([answer.seconds * 1000 for answer in outcome.answers], 99)
