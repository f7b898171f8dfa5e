"""Measures how fast 10,000 tickets are sold out, which means that each ticket is ordered. 500 buyers order at once.

For 20 % of the tickets, we send two orders. The platform must accept exactly one of these two orders. So at the end,
every ticket is ordered, and no ticket is ordered twice.
"""

import random

from benchmarks.bench import Bench
from benchmarks.figures import Row, Target
from benchmarks.rows.orders import one_round, orders_of
from benchmarks.seed_data import seed_tickets

_CREATED, _REFUSED = 201, 409
_WANTED_TWICE = 0.2


async def measure(bench: Bench) -> list[Row]:
    """Measure how fast all tickets are sold out, when we send two orders for some of the tickets.

    We compare this with orders that are all for different tickets (the baseline), and measure both alternately.
    """
    count = bench.size(10_000, 100)
    rounds, orders = [], [await _distinct(bench)]
    for number in range(bench.rounds):
        bench.progress(f"{count:,} tickets, round {number + 1} of {bench.rounds}")
        rounds.append(await _until_sold_out(bench, count))
        orders.append(await _distinct(bench))
    target = Target("none twice; at least 0.8 of orders, direct", at_least=0.8)
    return [Row(f"{count:,} tickets sold out", "orders/s", rounds, orders, target)]


async def _until_sold_out(bench: Bench, count: int) -> float:
    tickets = [ticket.id for ticket in await seed_tickets(bench, count)]
    wanted = tickets + tickets[: int(count * _WANTED_TWICE)]
    random.Random(1).shuffle(wanted)  # noqa: S311 - not a secret
    outcome = await orders_of(bench, wanted, bench.port("orders"), bench.size(500, 50)).run()
    cleared = await bench.published("orders")
    expected = {_CREATED: count, _REFUSED: len(wanted) - count}
    if outcome.statuses != expected:
        raise RuntimeError(f"expected the answers {expected}, got {dict(outcome.statuses)}")
    sold = [ticket for ticket, answer in zip(wanted, outcome.answers, strict=True) if answer.status == _CREATED]
    if len(set(sold)) != count:
        raise RuntimeError("a ticket was sold twice")
    await bench.wait_until_idle()
    return count / (cleared - outcome.began)


async def _distinct(bench: Bench) -> float:
    return (await one_round(bench, bench.size(2000, 40), bench.port("orders"))).rate
