"""The same orders through the gateway, in turn with rounds that go to the service itself: those are the floor here."""

from benchmarks.bench import Bench
from benchmarks.figures import Row, Target
from benchmarks.rows.orders import one_round


async def measure(bench: Bench) -> list[Row]:
    count = bench.size(1500, 40)
    rounds, direct = [], []
    for number in range(bench.rounds):
        bench.progress(f"round {number + 1} of {bench.rounds}")
        direct.append((await one_round(bench, count, bench.port("orders"))).rate)
        rounds.append((await one_round(bench, count, bench.port("gateway"))).rate)
    target = Target("at least 0.9 of the direct figure", at_least=0.9)
    return [Row("orders, through the gateway", "orders/s", rounds, direct, target)]
