"""No double sale: of any number of concurrent buyers of one ticket, exactly one gets an order."""

import time
from collections import Counter

from faults.context import ScenarioContext, run_concurrently
from faults.scenario import Outcome, Scenario, require


async def run(context: ScenarioContext) -> Outcome:
    tickets, buyers = context.size(50, 3), context.size(200, 60)
    seller, buyer = await context.person(), await context.person()
    statuses: Counter[int] = Counter()
    began = time.monotonic()
    for done in range(tickets):
        ticket = await seller.list_ticket()
        answers = await run_concurrently((buyer.place_order(ticket) for _ in range(buyers)), at_most=buyers)
        found = Counter(answer.status_code for answer in answers)
        require(found == {201: 1, 409: buyers - 1}, f"{buyers} buyers of one ticket were answered {dict(found)}")
        statuses += found
        context.progress(done + 1, tickets)
    took = time.monotonic() - began
    differences = await context.settle()
    require(not differences, f"the audit found: {differences[:3]}")
    return Outcome(
        done=f"{tickets} tickets, {buyers} buyers at once for each, two instances of every service",
        injected="concurrent requests only",
        checked="one 201 per ticket, all others 409; the audit of all services",
        figures={
            "orders": str(statuses[201]),
            "refusals": str(statuses[409]),
            "answers per second": f"{tickets * buyers / took:.0f}",
        },
    )


SCENARIO = Scenario("No double sale", run)
