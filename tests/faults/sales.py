"""Simulated sales with different outcomes: they create the data and events that other scenarios need."""

import asyncio
from collections import Counter

import httpx

from devkit.testing.eventually import eventually
from faults.context import Person, ScenarioContext, run_concurrently
from faults.scenario import require
from orders.order import OrderStatus

OUTCOMES = (
    *("bought", "declined, then bought", "extended, then bought", "cancelled", "cancelled, then bought"),
    *("expired", "paid and cancelled", "withdrawn"),
)
_AT_ONCE = 10


async def run_sales(context: ScenarioContext, tickets: int) -> Counter[str]:
    """Bring this number of tickets to the different outcomes; return the count of each, when no order is open."""
    seller, buyer = await context.person(), await context.person()
    outcomes = [OUTCOMES[number % len(OUTCOMES)] for number in range(tickets)]
    context.random.shuffle(outcomes)
    ours = await run_concurrently((_one(context, seller, buyer, outcome) for outcome in outcomes), at_most=_AT_ONCE)
    orders = context.operator.databases["orders"]["orders"]
    await eventually(
        lambda: orders.count_documents({"ticket.id": {"$in": ours}, "status": OrderStatus.CREATED.value}),
        until=lambda still_open: still_open == 0,
        within=20,
        what="no open order left",
    )
    return Counter(outcomes)


async def _one(context: ScenarioContext, seller: Person, buyer: Person, outcome: str) -> str:
    ticket = await seller.list_ticket()
    await seller.request_with_retries("PUT", f"/api/tickets/{ticket}", json={"title": "Concert, moved", "price": 25})
    if outcome == "withdrawn":
        _expect(await seller.request_with_retries("DELETE", f"/api/tickets/{ticket}"), 204)
        return ticket
    order = await _ordered(buyer, ticket, windowSeconds=1 if outcome == "expired" else 30)
    if outcome.startswith("declined"):
        answer = await buyer.pay(order, "pm_card_chargeDeclined")
        _expect(answer, 402)
    if outcome.startswith("extended"):
        _expect(await buyer.request_with_retries("POST", f"/api/orders/{order}/extension"), 200)
    if outcome.endswith("bought"):
        if outcome.startswith("cancelled"):
            await _cancel(buyer, order)
            order = await _ordered(buyer, ticket)
        _expect(await buyer.pay(order), 201)
    if outcome == "cancelled":
        await _cancel(buyer, order)
    if outcome == "paid and cancelled":
        await pay_and_cancel(context, buyer, order)
    return ticket


async def pay_and_cancel(context: ScenarioContext, buyer: Person, order: str) -> None:
    """Pay and cancel at nearly the same time: the buyer gets the ticket, or a refund."""

    async def cancel() -> httpx.Response:
        await asyncio.sleep(context.random.uniform(0, 0.02))
        return await buyer.request_with_retries("DELETE", f"/api/orders/{order}")

    paid, cancelled = await asyncio.gather(buyer.pay(order), cancel())
    _expect(paid, 201, 409)
    _expect(cancelled, 204, 409)


async def refund_late_payments(context: ScenarioContext, wanted: int = 1, at_most: int = 100) -> int:
    """Pay and cancel at the same time until this number of payments came too late and was refunded."""
    seller, buyer = await context.person(), await context.person()
    payments = context.operator.databases["payments"]["payments"]
    for _ in range(at_most):
        order = await _ordered(buyer, await seller.list_ticket())
        await pay_and_cancel(context, buyer, order)
        query = {"user_id": (await payments.find_one({"order_id": order}) or {}).get("user_id"), "status": "refunded"}
        refunded = await payments.count_documents(query)
        if refunded >= wanted:
            return refunded
    raise AssertionError(f"not enough of {at_most} payments came after their cancellation")


async def _ordered(buyer: Person, ticket: str, **more: int) -> str:
    answer = await buyer.place_order(ticket, **more)
    _expect(answer, 201)
    return str(answer.json()["id"])


async def _cancel(buyer: Person, order: str) -> None:
    _expect(await buyer.request_with_retries("DELETE", f"/api/orders/{order}"), 204)


def _expect(answer: httpx.Response, *statuses: int) -> None:
    require(answer.status_code in statuses, f"{answer.request.url} answered {answer.status_code}: {answer.text}")
