"""Measures how fast the storefront service answers with the pages of the shop, through the gateway.

The first rows of the result table show the pages per second, with 100,000 tickets in the copies of the service. We
compare the list of tickets (the page `/`) with the same list when 1,000 tickets are stored.

The other rows show response times when we request a tenth as many pages per second as the service can answer for `/`.
We compare them with the response time of the baseline program, a minimal program that answers without any work.

The requests have the headers of a browser that matter here. So the service compresses its answers.
"""

import asyncio
from collections.abc import Sequence
from statistics import median

from benchmarks.bench import Bench
from benchmarks.figures import Row, Target, percentile
from benchmarks.generators import Load
from benchmarks.processes import computed
from benchmarks.seed_data import checkpoint, remove
from benchmarks.seed_shop import SEARCH, seed_shop

_FEW, _MANY = 1_000, 100_000
_CONNECTIONS = 32
_PART = 10
_PROCESSES = ("storefront", "mongod", "gateway")
_SECONDS = 10
_BROWSER = ("Accept: text/html", "Accept-Encoding: gzip")
_LISTS = {"/": "/", "search": f"/?q={SEARCH.replace(' ', '+')}", "cheapest first": "/?sort=cheapest"}


async def measure(bench: Bench) -> list[Row]:
    few, many = bench.size(_FEW, 50), bench.size(_MANY, 500)
    seeded = await _store(bench, few)
    with_few = await _rates(bench, "/")
    bench.progress(f"storing {many:,} tickets")
    tickets = await _store(bench, many - few)
    rates = {name: await _rates(bench, path) for name, path in _LISTS.items()}
    used = await _computed(bench, "/")
    ticket_rates = await _rates(bench, [f"/tickets/{ticket}" for ticket in tickets])
    rate = median(rates["/"]) / _PART
    late: dict[str, list[float]] = {name: [] for name in _LISTS}
    baselines = []
    for number in range(bench.rounds):
        bench.progress(f"round {number + 1} of {bench.rounds}")
        baselines.append(await _late(bench, bench.baseline.port, "/", rate))
        for name, path in _LISTS.items():
            late[name].append(await _late(bench, _gateway(bench), path, rate))
    # The speed of the machine changes. Therefore we measure with the small number of tickets twice.
    await _remove(bench, tickets)
    with_few += await _rates(bench, "/")
    await _remove(bench, seeded)
    notes = {
        "baseline of this row": f"the same with {few:,} stored, before and after",
        "CPU ms per page": ", ".join(f"{name} {ms:.2f}" for name, ms in used.items()),
        "pages/s of other lists": ", ".join(f"{name} {median(rates[name]):.0f}" for name in _LISTS if name != "/"),
    }
    at_most = Target("at most 25 ms", "median", at_most=25)
    return [
        Row(
            f"shop: / with {many:,} tickets",
            "pages/s",
            rates["/"],
            with_few,
            Target("at least 0.8 of that with 1,000 stored", at_least=0.8),
            notes,
        ),
        Row("shop: /tickets/{id}", "pages/s", ticket_rates),
        *(Row(f"shop: {name}, p99 at a tenth", "ms", late[name], baselines, at_most) for name in _LISTS),
    ]


def _gateway(bench: Bench) -> int:
    return bench.platform.settings.gateway_port


def _load(port: int, path: str | Sequence[str], count: int, rate: float | None = None) -> Load:
    return Load(port, "GET", path, [""] * count, (), _CONNECTIONS, rate, headers=_BROWSER)


async def _store(bench: Bench, count: int) -> list[str]:
    tickets = await seed_shop(bench, count)
    await asyncio.to_thread(checkpoint, bench.platform.mongo_url)
    return tickets


async def _remove(bench: Bench, tickets: Sequence[str]) -> None:
    orders = bench.collection("storefront", "orders")
    bought = await orders.find({"ticket_id": {"$in": list(tickets)}}, {"_id": 1}).to_list(None)
    await remove(orders, [order["_id"] for order in bought])
    await remove(bench.collection("storefront", "tickets"), tickets)
    await asyncio.to_thread(checkpoint, bench.platform.mongo_url)


async def _rates(bench: Bench, path: str | Sequence[str]) -> list[float]:
    # The first rate is only a warm-up, so we drop it.
    return [await _rate(bench, path) for _ in range(bench.rounds + 1)][1:]


async def _rate(bench: Bench, path: str | Sequence[str]) -> float:
    count = bench.size(500, 50)
    outcome = await _load(_gateway(bench), path, count).run()
    outcome.require(200)
    return count / (outcome.ended - outcome.began)


async def _computed(bench: Bench, path: str) -> dict[str, float]:
    """Return the CPU time that each process uses per page, in milliseconds."""
    before, count = computed(bench.platform, _PROCESSES), bench.size(500, 50)
    (await _load(_gateway(bench), path, count).run()).require(200)
    return {name: (now - before[name]) / count * 1000 for name, now in computed(bench.platform, _PROCESSES).items()}


async def _late(bench: Bench, port: int, path: str, rate: float) -> float:
    """Request `rate` pages per second. Return the 99th percentile of the response times, in milliseconds."""
    outcome = await _load(port, path, bench.size(int(rate * _SECONDS), 10), rate).run()
    outcome.require(201 if port == bench.baseline.port else 200)
    return percentile([answer.seconds * 1000 for answer in outcome.answers], 99)
