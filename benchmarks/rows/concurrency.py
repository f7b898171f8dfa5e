"""Measures orders per second and response times with 1 to 256 connections.

We measure the platform and the baseline (a minimal program that also places orders) alternately. The number of
connections first increases, then decreases, then increases again. So if the machine becomes slower or faster during the
run, this has a similar effect on the results for all numbers of connections.
"""

from statistics import median

from benchmarks.bench import Bench
from benchmarks.figures import Row, percentile
from benchmarks.plots import Plot
from benchmarks.rows.orders import Round, orders_of, round_of, round_of_baseline
from benchmarks.seed_data import seed_tickets

_CONNECTIONS = (1, 4, 16, 64, 256)
_EACH = 4
"""A full run sends at least this number of requests per connection.

All connections send their first request at the same time. If each connection sent only one or two requests, we would
mainly measure this start.
"""
_THREE_ROUNDS = (*_CONNECTIONS, *reversed(_CONNECTIONS), *_CONNECTIONS)


async def measure(bench: Bench) -> list[Row]:
    ours: dict[int, list[Round]] = {each: [] for each in _CONNECTIONS}
    baselines: dict[int, list[Round]] = {each: [] for each in _CONNECTIONS}
    for connections in _CONNECTIONS if bench.smoke else _THREE_ROUNDS:
        bench.progress(f"{connections} connections")
        count = bench.size(max(500, connections * _EACH), 20)
        baselines[connections].append(await round_of_baseline(bench, count, connections))
        tickets = [ticket.id for ticket in await seed_tickets(bench, count)]
        ours[connections].append(await round_of(bench, orders_of(bench, tickets, bench.port("orders"), connections)))
    bench.plots += _plots(ours, baselines)
    return [_row(connections, ours[connections], baselines[connections]) for connections in _CONNECTIONS]


def _row(connections: int, ours: list[Round], baselines: list[Round]) -> Row:
    notes = {
        "p50, p99": f"{_milliseconds(ours, 50):.1f}, {_milliseconds(ours, 99):.1f} ms",
        "p50, p99 of the baseline": f"{_milliseconds(baselines, 50):.1f}, {_milliseconds(baselines, 99):.1f} ms",
    }
    return Row(
        f"orders, {connections} at a time",
        "orders/s",
        [each.rate for each in ours],
        [each.rate for each in baselines],
        notes=notes,
    )


def _plots(ours: dict[int, list[Round]], baselines: dict[int, list[Round]]) -> list[Plot]:
    by_program = {"platform": ours, "baseline": baselines}
    rates = {
        name: [(at, median(each.rate for each in rounds)) for at, rounds in by_connections.items()]
        for name, by_connections in by_program.items()
    }
    times = {
        f"{name}, p{percent}": [(at, _milliseconds(rounds, percent)) for at, rounds in by_connections.items()]
        for percent in (50, 99)
        for name, by_connections in by_program.items()
    }
    x_title = "connections, each with one request at a time"
    return [
        Plot("throughput", "POST /api/orders: orders per second", x_title, "orders/s, until published", rates),
        Plot("latency", "POST /api/orders: response time", x_title, "ms", times, logarithmic=True),
    ]


def _milliseconds(rounds: list[Round], percent: float) -> float:
    """Return a percentile of the response times of all requests in these rounds, in milliseconds."""
    return percentile([answer.seconds * 1000 for each in rounds for answer in each.outcome.answers], percent)
