"""Orders a second, and how long each takes, with one buyer at a time and with hundreds: platform and floor, in turn.

Up from one connection, down, and up again: what else the machine does, and drifts, lies on all of them nearly alike.
"""

from statistics import median

from benchmarks.bench import Bench
from benchmarks.figures import Row, percentile
from benchmarks.plots import Plot
from benchmarks.rows.orders import Round, orders_of, round_of, round_of_floor
from benchmarks.stock import stock_tickets

_CONNECTIONS = (1, 4, 16, 64, 256)
_EACH = 4
"""Requests a connection, at least: with fewer, the first ones, which come all at once, would be most of them."""
_THREE_ROUNDS = (*_CONNECTIONS, *reversed(_CONNECTIONS), *_CONNECTIONS)


async def measure(bench: Bench) -> list[Row]:
    ours: dict[int, list[Round]] = {each: [] for each in _CONNECTIONS}
    floors: dict[int, list[Round]] = {each: [] for each in _CONNECTIONS}
    for connections in _CONNECTIONS if bench.smoke else _THREE_ROUNDS:
        bench.progress(f"{connections} connections")
        count = bench.size(max(500, connections * _EACH), 20)
        floors[connections].append(await round_of_floor(bench, count, connections))
        tickets = [ticket.id for ticket in await stock_tickets(bench, count)]
        ours[connections].append(await round_of(bench, orders_of(bench, tickets, bench.port("orders"), connections)))
    bench.plots += _plots(ours, floors)
    return [_row(connections, ours[connections], floors[connections]) for connections in _CONNECTIONS]


def _row(connections: int, ours: list[Round], floors: list[Round]) -> Row:
    notes = {
        "p50, p99": f"{_late(ours, 50):.1f}, {_late(ours, 99):.1f} ms",
        "of the floor": f"{_late(floors, 50):.1f}, {_late(floors, 99):.1f} ms",
    }
    return Row(
        f"orders, {connections} at a time",
        "orders/s",
        [each.rate for each in ours],
        [each.rate for each in floors],
        notes=notes,
    )


def _plots(ours: dict[int, list[Round]], floors: dict[int, list[Round]]) -> list[Plot]:
    of_each = {"platform": ours, "floor": floors}
    rates = {
        name: [(at, median(each.rate for each in rounds)) for at, rounds in by_connections.items()]
        for name, by_connections in of_each.items()
    }
    late = {
        f"{name}, p{percent}": [(at, _late(rounds, percent)) for at, rounds in by_connections.items()]
        for percent in (50, 99)
        for name, by_connections in of_each.items()
    }
    at_once = "connections, each asking again as soon as it is answered"
    return [
        Plot("throughput", "POST /api/orders: orders a second", at_once, "orders/s, until published", rates),
        Plot("latency", "POST /api/orders: how long an answer takes", at_once, "ms", late, logarithmic=True),
    ]


def _late(rounds: list[Round], percent: float) -> float:
    """Milliseconds, of all requests of these rounds."""
    return percentile([answer.seconds * 1000 for each in rounds for answer in each.outcome.answers], percent)
