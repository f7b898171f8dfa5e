"""No double sale: however many buyers want a ticket at once, one order gets it."""

import time
from collections import Counter

from faults.scenario import Outcome, Scenario, promise
from faults.world import World, in_parallel


async def run(world: World) -> Outcome:
    tickets, buyers = world.size(50, 3), world.size(200, 60)
    seller, buyer = await world.person(), await world.person()
    statuses: Counter[int] = Counter()
    began = time.monotonic()
    for done in range(tickets):
        ticket = await seller.lists()
        answers = await in_parallel((buyer.orders(ticket) for _ in range(buyers)), at_most=buyers)
        found = Counter(answer.status_code for answer in answers)
        promise(found == {201: 1, 409: buyers - 1}, f"{buyers} buyers of one ticket were answered {dict(found)}")
        statuses += found
        world.progress(done + 1, tickets)
    took = time.monotonic() - began
    differences = await world.settle()
    promise(not differences, f"the audit found: {differences[:3]}")
    return Outcome(
        done=f"{tickets} tickets, {buyers} buyers at once for each, two instances of every service",
        injected="the race itself",
        checked="one 201 a ticket, every other 409; the audit of all services",
        figures={
            "orders": str(statuses[201]),
            "refusals": str(statuses[409]),
            "answers a second": f"{tickets * buyers / took:.0f}",
        },
    )


SCENARIO = Scenario("No double sale", run)
