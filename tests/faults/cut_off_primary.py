"""Cut-off primary: nothing is published or acknowledged because of a write that MongoDB undoes later.

The network cuts the primary off from the other members, while the services still reach it. It stores changes that no
majority stores. After about 10 s, it steps down and the others elect a new primary, which has none of these changes.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

import httpx

from devkit.servers.replica_set import ReplicaSet
from devkit.testing.eventually import eventually
from faults.availability import UNAVAILABLE, require_fitting_answers
from faults.confirmed import Confirmed
from faults.context import Person, ScenarioContext, run_concurrently
from faults.failover import three_members
from faults.load import load
from faults.outage_check import CHECKED, OutageCheck
from faults.scenario import Outcome, Scenario, require
from orders.order import OrderStatus

_WINDOW_SECONDS = 15
_ALL_ENDED_WITHIN_SECONDS = _WINDOW_SECONDS + 20.0
_PEOPLE = 4
_AT_ONCE = 25

# The first action is sent once. A user who gets no success sends the second one until it is answered. So if the first
# one was published and then undone, the second one makes another fact with the same event id.
_PLANS = (("cancel", "pay"), ("pay", "cancel"), ("pay", "pay"), ("cancel", "cancel"), ("expire", "expire"))


@dataclass
class Crowd:
    """Users with an open order each. They pay or cancel while the primary is cut off, or let the order expire."""

    context: ScenarioContext
    seller: Person
    buyer: Person
    rival: Person
    plans: list[tuple[str, str]]
    confirmed: Confirmed = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    """The orders whose cancellation an answer confirmed."""

    @classmethod
    async def gather(cls, context: ScenarioContext) -> "Crowd":
        plans = [*_PLANS] * context.size(20, 4)
        context.random.shuffle(plans)
        seller, buyer, rival = [await context.person() for _ in range(3)]
        return cls(context, seller, buyer, rival, plans)

    async def place_orders(self) -> list[str]:
        """Place the orders, one per plan. Those that shall expire do so soon after the cut."""
        return await run_concurrently(map(self._place, self.plans), at_most=_AT_ONCE)

    async def act(self, orders: list[str]) -> None:
        await asyncio.gather(*map(self._follow, self.plans, orders))

    async def _place(self, plan: tuple[str, str]) -> str:
        window = self.context.random.randint(2, 6) if plan[0] == "expire" else _WINDOW_SECONDS
        answer = await self.buyer.place_order(await self.seller.list_ticket(), windowSeconds=window)
        require(answer.status_code == 201, f"an order was answered {answer.status_code}: {answer.text}")
        return str(answer.json()["id"])

    async def _follow(self, plan: tuple[str, str], order: str) -> None:
        first, second = plan
        await asyncio.sleep(self.context.random.uniform(0, 3))  # a random moment of the cut; nothing to wait for
        if first == "expire":
            await self._buy_what_expired(order)
        elif not self._is_done(first, order, await self._ask(first, order)):
            answer = await self._ask_until_answered(second, order)
            is_fitting = self._is_done(second, order, answer) or answer.status_code == httpx.codes.CONFLICT
            require(is_fitting, f"{second} was answered {answer.status_code}: {answer.text}")

    def _is_done(self, action: str, order: str, answer: httpx.Response) -> bool:
        """Return whether the answer confirms the action, and note what it confirms."""
        if not answer.is_success:
            return False
        if action == "cancel":
            self.cancelled.add(order)
        else:
            self.confirmed.add(("payment", answer.json()["id"]))
        return True

    async def _ask(self, action: str, order: str) -> httpx.Response:
        if action == "cancel":
            return await self.buyer.http.delete(f"/api/orders/{order}")
        return await self.buyer.http.post("/api/payments", json={"orderId": order, "token": "pm_card_visa"})

    async def _ask_until_answered(self, action: str, order: str) -> httpx.Response:
        """Repeat the request while the database is not available, or payments has not received the order."""
        async with asyncio.timeout(_ALL_ENDED_WITHIN_SECONDS):
            while True:
                answer = await self._ask(action, order)
                if answer.status_code not in {UNAVAILABLE, httpx.codes.NOT_FOUND}:
                    return answer
                await asyncio.sleep(0.1)

    async def _buy_what_expired(self, order: str) -> None:
        """Order the ticket for another buyer as soon as the order has expired."""
        found = await self.buyer.request_with_retries("GET", f"/api/orders/{order}")
        ticket = found.json()["ticket"]["id"]
        answer = await self.rival.place_order(ticket)
        async with asyncio.timeout(_ALL_ENDED_WITHIN_SECONDS):
            while answer.status_code == httpx.codes.CONFLICT:
                await asyncio.sleep(0.2)
                answer = await self.rival.place_order(ticket)
        require(answer.status_code == 201, f"the second order of a ticket was answered {answer.status_code}")


async def run(context: ScenarioContext) -> Outcome:
    assert context.replica_set is not None
    check = await OutageCheck.begin(context)
    crowd = await Crowd.gather(context)
    async with load(context, _PEOPLE) as under_load:
        orders = await crowd.place_orders()
        _, undone = await asyncio.gather(crowd.act(orders), _replace_the_primary(context.replica_set))
    require_fitting_answers(under_load)
    await _until_no_order_is_open(context)
    await check.require_nothing_lost(under_load.confirmed | crowd.confirmed)
    await _require_cancelled(context, crowd.cancelled)
    return Outcome(
        done=f"{len(orders)} open orders are paid, cancelled or expire during the cut; "
        f"{len(under_load.answers)} other requests of {_PEOPLE} people",
        injected="the primary of a replica set of three is cut off from the other two until these have a new primary; "
        "the services reach all three",
        checked="every order ends; no ticket is sold twice; every request ends within 5 s with a success or a 503; "
        + CHECKED,
        figures={
            "changes undone by MongoDB": str(undone),
            "answered 503": str(under_load.counts()[UNAVAILABLE]),
        },
    )


async def _replace_the_primary(replica_set: ReplicaSet) -> int:
    """Cut off the primary until the others have a new one. Return the number of changes that it undoes after that."""
    stale = await replica_set.primary()
    replica_set.network.cut_off(stale.member.port)
    try:
        await replica_set.primary(after_term=stale.term)
    finally:
        replica_set.network.repair()

    async def undone() -> int:
        return stale.member.documents_rolled_back()

    count = await eventually(undone, within=30, what="changes that the former primary has undone")
    await replica_set.until_all_follow()
    return count


async def _until_no_order_is_open(context: ScenarioContext) -> None:
    orders = context.operator.databases["orders"]["orders"]
    await eventually(
        lambda: orders.count_documents({"status": OrderStatus.CREATED.value}),
        until=lambda still_open: still_open == 0,
        within=_ALL_ENDED_WITHIN_SECONDS,
        what="no open order left",
    )


async def _require_cancelled(context: ScenarioContext, confirmed: Collection[str]) -> None:
    orders = context.operator.databases["orders"]["orders"]
    cancelled = {"_id": {"$in": list(confirmed)}, "status": OrderStatus.CANCELLED.value}
    missing = len(confirmed) - await orders.count_documents(cancelled)
    require(not missing, f"{missing} orders are not cancelled, although an answer confirmed it")


SCENARIO = Scenario("Cut-off primary", run, order_window_seconds=_WINDOW_SECONDS, start_servers=three_members, seeds=3)
