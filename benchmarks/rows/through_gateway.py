"""Measures orders per second through the gateway.

We compare this with orders that we send directly to the orders service (the baseline), and measure both alternately.
"""

from benchmarks.bench import Bench
from benchmarks.figures import Row, Target
from benchmarks.rows.orders import one_round

_TIMES_AS_MANY = 2
"""This measurement has twice as many rounds as the other measurements.

It needs more rounds, because the effect of the gateway is smaller than the differences between rounds.
"""


async def measure(bench: Bench) -> list[Row]:
    count = bench.size(1500, 40)
    rounds, direct = [], []
    turns = bench.size(bench.rounds * _TIMES_AS_MANY, 1)
    for number in range(turns):
        bench.progress(f"round {number + 1} of {turns}")
        direct.append((await one_round(bench, count, bench.port("orders"))).rate)
        rounds.append((await one_round(bench, count, bench.port("gateway"))).rate)
    target = Target("at least 0.9 of the direct figure", at_least=0.9)
    return [Row("orders, through the gateway", "orders/s", rounds, direct, target)]
