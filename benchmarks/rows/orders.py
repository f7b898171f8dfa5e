"""Orders a second for distinct tickets, from the first request until every event is published and every outbox empty.

The same number through the floor, one round each in turn, so that what else the machine does hits both.
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
"""They consume what orders publishes, on the same cores: stopped for a moment, they show what orders does alone."""
_CREATED = 201
_FIRST_MEASURED = {"direct": 300 / 1_176, "handled": 264 / 358, "alone": 574 / 1_689}
"""Orders a second by those of the floor, of commit 5c6c04c, the first that was measured: motor, medians of three
rounds, two shared cores, 2026-11-24 (docs/performance.md). They hold as long as the floor stays the program that it was
then, and for motor only."""
_TIMES_FIRST = 1.5
_SOME = 0.01


@dataclass(frozen=True)
class Round:
    rate: float
    """Orders a second, until the outboxes are empty."""
    handled: float
    """Orders a second, until every service has handled what it hears of them: what can be kept up for long."""
    outcome: Outcome
    computed: dict[str, float]
    """Milliseconds on a core that each of our processes spent on an order, until everything was handled."""


async def measure(bench: Bench) -> list[Row]:
    count, port = bench.size(2000, 40), bench.port("orders")
    await _rates_of_floor(bench, bench.size(500, 20))  # warm up: connections, caches, code
    await one_round(bench, bench.size(500, 20), port)
    rounds, alone, floors, bare = [], [], [], []
    for number in range(bench.rounds):
        bench.progress(f"round {number + 1} of {bench.rounds}")
        floors.append(await _rates_of_floor(bench, count))
        rounds.append(await one_round(bench, count, port))
        bare.append((await _rates_of_floor(bench, count, consuming=False))[0])
        alone.append((await one_round(bench, count, port, paused=OTHERS)).rate)
    notes = {
        "ms on a core an order": _listed(rounds[-1].computed),
        "load generator busy": f"{max(each.outcome.busy for each in rounds):.0%}",
        "alone it could": f"{await _generators_limit(bench):,.0f}/s",
    }
    bench.peak = median(each.rate for each in rounds)
    handled = [each.handled for each in rounds]
    direct, published = [each.rate for each in rounds], [rate for rate, _ in floors]
    target, first = _target_and_first(bench)
    return [
        Row("orders, direct", "orders/s", direct, published, target, notes, first.get("direct")),
        Row(
            "orders, until all is handled",
            "orders/s",
            handled,
            [rate for _, rate in floors],
            first_measured=first.get("handled"),
        ),
        Row("orders, direct, nobody consuming", "orders/s", alone, bare, target, first_measured=first.get("alone")),
    ]


def _target_and_first(bench: Bench) -> tuple[Target, dict[str, float]]:
    """The first version was measured with motor: with the other driver, half of the target cannot be judged."""
    if bench.platform.settings.mongo_driver != "motor":
        return Target("at least 0.75 of the floor", at_least=0.75), {}
    text = f"at least 0.75 of the floor, and {_TIMES_FIRST} times the first measured"
    return Target(text, at_least=0.75, times_first=_TIMES_FIRST), _FIRST_MEASURED


async def peak_of(bench: Bench) -> float:
    """Orders a second, direct: measured now, if the row itself is not part of the run."""
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
    await bench.quiet()
    handled = time.monotonic()
    each = {name: (now - before[name]) / count * 1000 for name, now in computed(bench.platform).items()}
    return Round(count / (cleared - outcome.began), count / (handled - outcome.began), outcome, each)


def orders_of(
    bench: Bench, tickets: Sequence[str], port: int, connections: int = CONNECTIONS, rate: float | None = None
) -> Load:
    bodies = [json.dumps({"ticketId": ticket}) for ticket in tickets]
    buyers = [bench.somebody() for _ in range(connections)]
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


async def _rates_of_floor(bench: Bench, count: int, *, consuming: bool = True) -> tuple[float, float]:
    each = await round_of_floor(bench, count, consuming=consuming)
    return each.rate, each.handled


async def round_of_floor(bench: Bench, count: int, connections: int = CONNECTIONS, *, consuming: bool = True) -> Round:
    tickets = [new_id() for _ in range(count)]
    read_models = [
        {"_id": each, "version": 1, "title": "Concert", "price": 1999, "user_id": new_id()} for each in tickets
    ]
    database = bench.floor_mongo.database
    await database["ticket_replicas"].insert_many(read_models)  # type: ignore[attr-defined] # the services need no such call
    if not consuming:
        bench.floor.consumers.pause()
    outcome = await orders_of(bench, tickets, bench.floor.port, connections).run()
    cleared = await until_cleared([database["orders"]])
    bench.floor.consumers.resume()
    await bench.floor_quiet()
    outcome.require(_CREATED)
    handled = time.monotonic()
    return Round(count / (cleared - outcome.began), count / (handled - outcome.began), outcome, {})


async def _generators_limit(bench: Bench) -> float:
    """What one generator gets out of a server that does nothing."""
    count = bench.size(5000, 200)
    load = Load(bench.floor.port, "POST", "/nothing", ['{"ticketId": ""}'] * count, [bench.somebody()], CONNECTIONS)
    outcome = await load.run()
    return count / (outcome.ended - outcome.began)


def _listed(milliseconds: dict[str, float]) -> str:
    return ", ".join(f"{name} {ms:.2f}" for name, ms in milliseconds.items() if ms >= _SOME)
