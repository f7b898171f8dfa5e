"""Measures how many orders per second the platform places and publishes. Each order is for a different ticket.

The result table has three rows for this measurement. In all three, the requests go directly to the orders service and
not through the gateway, and the time begins with the first request. They differ in when the time ends:

- "direct": when all events of the orders are published
- "until all is handled": when all services have handled all events
- "direct, consumers paused" (`alone` in this module): when all events of the orders are published, as for "direct". But
  during this time, the services that consume these events are paused.

We measure the platform and the baseline (a minimal program that also places orders) alternately, so that other load on
the machine affects both equally.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from benchmarks.bench import Bench, until_cleared
from benchmarks.figures import Row, Target
from benchmarks.generators import Load, Outcome
from benchmarks.processes import computed
from common.domain.ids import new_id
from common.events.orders import OrderCreated
from marketplace.platform import Platform
from marketplace.registry import SERVICES

CONNECTIONS = 64
OTHERS = tuple(spec.name for spec in SERVICES if any(OrderCreated in consumer.on for consumer in spec.consumers))
"""The services that consume the event of a new order.

These services use the same cores as the orders service. For one row of the result table, we pause these services, to
measure only the orders service.
"""
_CREATED = 201
_FIRST_MEASURED = {"direct": 300 / 1_176, "handled": 264 / 358, "alone": 574 / 1_689}
"""For each row, the orders per second of the platform divided by those of the baseline, at the first measured commit.

The baseline is a minimal program that does the same work. The first measured commit was 5c6c04c, on 2026-11-24. The
numbers are medians of three rounds with the driver motor, on two shared cores (docs/performance.md). You may compare a
result with these ratios only if the driver is motor, and if the baseline still does the same work as at that commit.
"""
_TIMES_FIRST = 1.5
_SMALLEST_SHOWN_MS = 0.01


@dataclass(frozen=True)
class Round:
    rate: float
    """The orders per second, from the first request until all events of the orders are published."""
    handled: float
    """The orders per second, from the first request until every service has handled all events.

    The platform can place this number of orders per second for a long time, because no unhandled events accumulate.
    """
    outcome: Outcome
    computed: dict[str, float]
    """The CPU time that each process of the platform used per order, in milliseconds, until all events were handled.

    It is empty for a round of the baseline, the minimal program with which we compare the platform.
    """


async def measure(bench: Bench) -> list[Row]:
    count, port = bench.size(2000, 40), bench.port("orders")
    await _rates_of_baseline(bench, bench.size(500, 20))  # these first two rounds only warm up connections and caches
    await one_round(bench, bench.size(500, 20), port)
    rounds, alone, baselines, baselines_alone = [], [], [], []
    for number in range(bench.rounds):
        bench.progress(f"round {number + 1} of {bench.rounds}")
        baselines.append(await _rates_of_baseline(bench, count))
        rounds.append(await one_round(bench, count, port))
        baselines_alone.append((await _rates_of_baseline(bench, count, consuming=False))[0])
        alone.append((await one_round(bench, count, port, paused=OTHERS)).rate)
    notes = {
        "CPU ms per order": _listed(rounds[-1].computed),
        "load generator busy": f"{max(each.outcome.busy for each in rounds):.0%}",
        "the load generator alone": f"{await _generators_limit(bench):,.0f}/s",
    }
    bench.peak = median(each.rate for each in rounds)
    handled = [each.handled for each in rounds]
    direct, published = [each.rate for each in rounds], [rate for rate, _ in baselines]
    target, first = _target_and_first(bench)
    return [
        Row("orders, direct", "orders/s", direct, published, target, notes, first.get("direct")),
        Row(
            "orders, until all is handled",
            "orders/s",
            handled,
            [rate for _, rate in baselines],
            first_measured=first.get("handled"),
        ),
        Row(
            "orders, direct, consumers paused",
            "orders/s",
            alone,
            baselines_alone,
            target,
            first_measured=first.get("alone"),
        ),
    ]


def _target_and_first(bench: Bench) -> tuple[Target, dict[str, float]]:
    """Return the target, and the ratios (platform divided by baseline) of the first version that we measured.

    We have these ratios only for the driver motor. With the driver pymongo, we return no ratios. Then the target
    compares the platform only with the baseline of this run, and not also with the first version.
    """
    if bench.platform.settings.mongo_driver != "motor":
        return Target("at least 0.75 of the baseline", at_least=0.75), {}
    text = f"at least 0.75 of the baseline, and {_TIMES_FIRST} times the first measured"
    return Target(text, at_least=0.75, times_first=_TIMES_FIRST), _FIRST_MEASURED


async def peak_of(bench: Bench) -> float:
    """Return how many orders per second the orders service can place if it gets them directly, without the gateway.

    If the row "orders, direct" has not been measured in this run, measure this number now.
    """
    if bench.peak is None:
        await one_round(bench, bench.size(500, 20), bench.port("orders"))
        bench.peak = (await one_round(bench, bench.size(1500, 40), bench.port("orders"))).rate
    return bench.peak


async def one_round(bench: Bench, count: int, port: int, *, paused: Sequence[str] = ()) -> Round:
    return await round_of(bench, orders_of(bench, await bench.tickets(count), port), paused=paused)


async def round_of(bench: Bench, load: Load, *, paused: Sequence[str] = ()) -> Round:
    count = len(load.bodies)
    before = computed(bench.platform)
    with _paused(bench.platform, paused):
        outcome = await load.run()
        cleared = await bench.published("orders")
    outcome.require(_CREATED)
    await bench.wait_until_idle()
    handled = time.monotonic()
    each = {name: (now - before[name]) / count * 1000 for name, now in computed(bench.platform).items()}
    return Round(count / (cleared - outcome.began), count / (handled - outcome.began), outcome, each)


def orders_of(
    bench: Bench, tickets: Sequence[str], port: int, connections: int = CONNECTIONS, rate: float | None = None
) -> Load:
    bodies = [json.dumps({"ticketId": ticket}) for ticket in tickets]
    buyers = [bench.new_token() for _ in range(connections)]
    return Load(port, "POST", "/api/orders", bodies, buyers, connections, rate)


@contextmanager
def _paused(platform: Platform, names: Sequence[str]) -> Iterator[None]:
    for name in names:
        platform.pause(name)
    try:
        yield
    finally:
        for name in names:
            platform.resume(name)


async def _rates_of_baseline(bench: Bench, count: int, *, consuming: bool = True) -> tuple[float, float]:
    each = await round_of_baseline(bench, count, consuming=consuming)
    return each.rate, each.handled


async def round_of_baseline(
    bench: Bench, count: int, connections: int = CONNECTIONS, *, consuming: bool = True
) -> Round:
    tickets = [new_id() for _ in range(count)]
    read_models = [
        {"_id": each, "version": 1, "title": "Concert", "price": 1999, "user_id": new_id()} for each in tickets
    ]
    database = bench.baseline_mongo.database
    await database["ticket_replicas"].insert_many(read_models)  # type: ignore[attr-defined] # our type has no insert_many
    if not consuming:
        bench.baseline.consumers.pause()
    outcome = await orders_of(bench, tickets, bench.baseline.port, connections).run()
    cleared = await until_cleared([database["orders"]])
    bench.baseline.consumers.resume()
    await bench.wait_until_baseline_idle()
    outcome.require(_CREATED)
    handled = time.monotonic()
    return Round(count / (cleared - outcome.began), count / (handled - outcome.began), outcome, {})


async def _generators_limit(bench: Bench) -> float:
    """Return how many requests per second one load generator can send, if the server does no work."""
    count = bench.size(5000, 200)
    load = Load(bench.baseline.port, "POST", "/nothing", ['{"ticketId": ""}'] * count, [bench.new_token()], CONNECTIONS)
    outcome = await load.run()
    return count / (outcome.ended - outcome.began)


def _listed(milliseconds: dict[str, float]) -> str:
    return ", ".join(f"{name} {ms:.2f}" for name, ms in milliseconds.items() if ms >= _SMALLEST_SHOWN_MS)
