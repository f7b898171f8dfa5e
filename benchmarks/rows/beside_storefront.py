"""Measures what the storefront service costs the others: orders per second with and without it.

This is the row *orders, direct*. The baseline is the same while the storefront service is paused, so that it uses
neither a core nor the database. We measure the two alternately.
"""

from benchmarks.bench import Bench
from benchmarks.figures import Row
from benchmarks.processes import computed
from benchmarks.rows.orders import one_round

_NAME = "storefront"


async def measure(bench: Bench) -> list[Row]:
    count, port = bench.size(1000, 40), bench.port("orders")
    await one_round(bench, bench.size(500, 20), port)  # this round only warms up connections and caches
    rounds, without, used = [], [], 0.0
    for number in range(bench.rounds):
        bench.progress(f"round {number + 1} of {bench.rounds}")
        before = computed(bench.platform)[_NAME]
        rounds.append((await one_round(bench, count, port)).rate)
        used += computed(bench.platform)[_NAME] - before
        without.append((await one_round(bench, count, port, paused=[_NAME])).rate)
    notes = {
        "baseline of this row": "the same while storefront is paused",
        "CPU of storefront": f"{used / bench.rounds / count * 1000:.2f} ms per order, with its ticket",
    }
    return [Row("orders, direct, beside storefront", "orders/s", rounds, without, notes=notes)]
