"""What people do with tickets, from the listing to its end: something for the platform to be broken during."""

import asyncio
from collections import Counter

import httpx

from devkit.testing.eventually import eventually
from faults.scenario import promise
from faults.world import Person, World, in_parallel
from orders.order import OrderStatus

ENDINGS = ("bought", "declined, then bought", "cancelled", "cancelled, then bought", "expired", "paid and cancelled")
_AT_ONCE = 10


async def some_business(world: World, tickets: int) -> Counter[str]:
    """Let so many tickets come to the different endings; return how many came to which, once no order is open."""
    seller, buyer = await world.person(), await world.person()
    endings = [ENDINGS[number % len(ENDINGS)] for number in range(tickets)]
    world.random.shuffle(endings)
    ours = await in_parallel((_one(world, seller, buyer, ending) for ending in endings), at_most=_AT_ONCE)
    orders = world.operator.databases["orders"]["orders"]
    await eventually(
        lambda: orders.count_documents({"ticket.id": {"$in": ours}, "status": OrderStatus.CREATED.value}),
        until=lambda still_open: still_open == 0,
        within=20,
        what="no order open any more",
    )
    return Counter(endings)


async def _one(world: World, seller: Person, buyer: Person, ending: str) -> str:
    ticket = await seller.lists()
    await seller.insists("PUT", f"/api/tickets/{ticket}", json={"title": "Concert, moved", "price": 25})
    order = await _ordered(buyer, ticket, windowSeconds=1 if ending == "expired" else 30)
    if ending.startswith("declined"):
        answer = await buyer.pays(order, "pm_card_chargeDeclined")
        _expect(answer, 402)
    if ending.endswith("bought"):
        if ending.startswith("cancelled"):
            await _cancel(buyer, order)
            order = await _ordered(buyer, ticket)
        _expect(await buyer.pays(order), 201)
    if ending == "cancelled":
        await _cancel(buyer, order)
    if ending == "paid and cancelled":
        await pay_and_cancel(world, buyer, order)
    return ticket


async def pay_and_cancel(world: World, buyer: Person, order: str) -> None:
    """At once, or nearly: the buyer gets the ticket, or the money back."""

    async def cancel() -> httpx.Response:
        await asyncio.sleep(world.random.uniform(0, 0.02))
        return await buyer.insists("DELETE", f"/api/orders/{order}")

    paid, cancelled = await asyncio.gather(buyer.pays(order), cancel())
    _expect(paid, 201, 409)
    _expect(cancelled, 204, 409)


async def late_payments(world: World, wanted: int = 1, at_most: int = 100) -> int:
    """Race payments against cancellations until one (or as many as wanted) came too late and was refunded."""
    seller, buyer = await world.person(), await world.person()
    payments = world.operator.databases["payments"]["payments"]
    for _ in range(at_most):
        order = await _ordered(buyer, await seller.lists())
        await pay_and_cancel(world, buyer, order)
        query = {"user_id": (await payments.find_one({"order_id": order}) or {}).get("user_id"), "status": "refunded"}
        refunded = await payments.count_documents(query)
        if refunded >= wanted:
            return refunded
    raise AssertionError(f"of {at_most} payments raced against a cancellation none came too late")


async def _ordered(buyer: Person, ticket: str, **more: int) -> str:
    answer = await buyer.orders(ticket, **more)
    _expect(answer, 201)
    return str(answer.json()["id"])


async def _cancel(buyer: Person, order: str) -> None:
    _expect(await buyer.insists("DELETE", f"/api/orders/{order}"), 204)


def _expect(answer: httpx.Response, *statuses: int) -> None:
    promise(answer.status_code in statuses, f"{answer.request.url} answered {answer.status_code}: {answer.text}")
