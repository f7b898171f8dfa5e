"""Measures how fast the platform answers 1,000 buyers who order the same ticket.

One buyer must get the ticket, and the platform must refuse the other buyers. We compare this with orders for different
tickets, and measure one round of each kind alternately. The target is that the platform answers at least as many
requests per second for the same ticket as for different tickets.
"""

from collections import Counter

from benchmarks.bench import Bench
from benchmarks.figures import Row, Target
from benchmarks.generators import Load
from benchmarks.rows.orders import one_round

_CREATED, _REFUSED = 201, 409


async def measure(bench: Bench) -> list[Row]:
    buyers = bench.size(1000, 60)
    rounds, orders = [], []
    for number in range(bench.rounds):
        bench.progress(f"round {number + 1} of {bench.rounds}")
        orders.append((await one_round(bench, bench.size(1000, 40), bench.port("orders"))).rate)
        (ticket,) = await bench.tickets(1)
        bodies, tokens = [f'{{"ticketId": "{ticket}"}}'] * buyers, [bench.new_token() for _ in range(buyers)]
        # Each buyer has its own connection. On many systems, a process may open only 1,024 files or connections.
        # Therefore each of two processes opens half of the connections.
        load = Load(bench.port("orders"), "POST", "/api/orders", bodies, tokens, connections=buyers, processes=2)
        outcome = await load.run()
        if outcome.statuses != Counter({_CREATED: 1, _REFUSED: buyers - 1}):
            raise RuntimeError(f"{buyers} buyers of one ticket got the answers {dict(outcome.statuses)}")
        rounds.append(buyers / (outcome.ended - outcome.began))
        await bench.wait_until_idle()
    target = Target("all answered, one 201; at least as fast as orders", at_least=1.0)
    return [Row(f"{buyers:,} buyers, one ticket", "answers/s", rounds, orders, target)]
