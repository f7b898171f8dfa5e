"""Late payment: a payment near the deadline ends as a completed order, as a refund, or without a charge."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from common.events.envelope import TIME
from common.events.payments import PaymentCreated
from common.messaging.streams import stream_of
from common.storage.collection import Document
from faults.context import Person, ScenarioContext, run_concurrently
from faults.scenario import Outcome, Scenario, require
from marketplace.operations.stream_reader import read_stream

_MEAN_DELAY, _DEVIATION = -0.13, 0.09
"""Seconds from the deadline to the payment, normally distributed."""
_PAUSED_FOR = 0.6
"""Seconds. Shorter than every timeout: the instance counts as slow, not as crashed."""
_SLOW = (("orders", 0.3), ("orders", 0.3), ("payments", 0.1))
"""The service whose instance is paused, and how many seconds before the deadline, by wave. With orders paused, the
events of payments in time arrive too late; with payments paused, a charge that began in time ends too late."""
_LATE_SHARE = 0.03
_AT_MOST = 6
"""While fewer than this share of the payments came too late, the scenario goes on, up to this multiple of its size."""
_NEAR = timedelta(milliseconds=100)


@dataclass
class Race:
    ticket: str
    order: str = ""
    due: datetime = field(default_factory=lambda: datetime.now(UTC))
    refusal: str = ""
    """The problem type of the answer; empty if the payment was accepted."""


async def run(context: ScenarioContext) -> Outcome:
    seller, buyer = await context.person(), await context.person()
    races: list[Race] = []
    wanted, in_a_wave = context.size(500, 20), context.size(25, 20)
    while len(races) < wanted or (
        len(races) < wanted * _AT_MOST and await _refunded_so_far(context, races) < wanted * _LATE_SHARE
    ):
        slow, before = _SLOW[len(races) // in_a_wave % len(_SLOW)]
        wave = [
            Race(ticket)
            for ticket in await run_concurrently((seller.list_ticket() for _ in range(in_a_wave)), at_most=20)
        ]
        await _race(context, buyer, wave, slow=slow, before=before)
        races += wave
        context.progress(min(len(races), wanted), wanted)
    differences = await context.settle()
    require(not differences, f"the audit found: {differences[:3]}")
    endings = Counter([await _ending(context, race) for race in races])
    kept = await _money_kept(context, races)
    captured = await _captured_at(context)
    moments = [captured[race.order] - race.due for race in races if race.order in captured]
    require(endings["refunded"] >= wanted * _LATE_SHARE, f"too few payments came too late: {dict(endings)}")
    return Outcome(
        done=f"{len(races)} orders, each paid {_MEAN_DELAY:g} ± {_DEVIATION:g} s from its deadline",
        injected=f"one instance of orders or of payments paused (SIGSTOP) for {_PAUSED_FOR:g} s around the deadline",
        checked="each completed, or cancelled and refunded, or never charged; no refused payment was charged; "
        "captured minus refunded = price of the completed orders, in payments and in the sandbox's records",
        figures={
            "completed": str(endings["completed"]),
            "refunded": str(endings["refunded"]),
            "never charged": str(endings["never charged"]),
            "captured ≤ 0.1 s before the deadline": str(sum(-_NEAR <= each < timedelta(0) for each in moments)),
            "captured after it": str(sum(each >= timedelta(0) for each in moments)),
            "money kept": f"{kept / 100:.2f}",
        },
    )


async def _race(context: ScenarioContext, buyer: Person, wave: list[Race], *, slow: str, before: float) -> None:
    window = context.random.choice((1, 2))

    async def order(race: Race) -> None:
        answer = await buyer.place_order(race.ticket, windowSeconds=window)
        require(answer.status_code == 201, f"an order was answered {answer.status_code}: {answer.text}")
        race.order = answer.json()["id"]
        race.due = datetime.fromisoformat(answer.json()["expiresAt"])

    async def pay(race: Race, offset: float) -> None:
        await _until(race.due + timedelta(seconds=offset))
        answer = await buyer.pay(race.order)
        require(answer.status_code in {201, 409}, f"a payment was answered {answer.status_code}: {answer.text}")
        race.refusal = "" if answer.status_code == 201 else answer.json()["type"]

    async def pause(around: Iterable[Race], name: str) -> None:
        middle = datetime.fromtimestamp(median(race.due.timestamp() for race in around), UTC)
        await _until(middle - timedelta(seconds=before))
        context.platform.pause(name)
        try:
            await asyncio.sleep(_PAUSED_FOR)
        finally:
            context.platform.resume(name)

    await run_concurrently(map(order, wave), at_most=25)
    offsets = [context.random.normalvariate(_MEAN_DELAY, _DEVIATION) for _ in wave]
    # Two instances share the work: events at the paused one wait, and the other one handles later events first.
    await asyncio.gather(*map(pay, wave, offsets), pause(wave, context.random.choice((slow, f"{slow}-2"))))


async def _refunded_so_far(context: ScenarioContext, races: list[Race]) -> int:
    payments = context.operator.databases["payments"]["payments"]
    ours = [race.order for race in races]
    return await payments.count_documents({"order_id": {"$in": ours}, "status": "refunded"})


async def _until(moment: datetime) -> None:
    await asyncio.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


async def _ending(context: ScenarioContext, race: Race) -> str:
    order = await context.operator.databases["orders"]["orders"].find_one({"_id": race.order})
    status = order["status"] if order else "lost"
    paid = Counter(payment["status"] for payment in await _documents(context, "payments", {"order_id": race.order}))
    ending = {
        ("completed", ("captured",)): "completed",
        ("cancelled", ("refunded",)): "refunded",
        ("cancelled", ()): "never charged",
    }.get((status, tuple(paid.elements())))
    require(ending is not None, f"the order {race.order} is {status}, its payments are {dict(paid)}")
    refused = race.refusal.endswith(":order-not-open")
    require(not (refused and ending == "completed"), f"the order {race.order} was refused, and charged: {race.refusal}")
    return str(ending)


async def _money_kept(context: ScenarioContext, races: list[Race]) -> int:
    """Return the money kept from these orders, in cents. Payments, sandbox and order prices must agree."""
    ours = [race.order for race in races]
    payments = await _documents(context, "payments", {"order_id": {"$in": ours}})
    captured = sum(each["amount"] for each in payments if each["status"] in {"captured", "refunded"})
    refunded = sum(each["amount"] for each in payments if each["status"] == "refunded")
    charges = await _documents(context, "sandbox_charges", {"_id": {"$in": [each["_id"] for each in payments]}})
    charged = {each["_id"]: each["request"]["amount"] for each in charges if "charge_id" in each["outcome"]}
    refunds = await _documents(context, "sandbox_refunds", {"_id": {"$in": [f"refund:{key}" for key in charged]}})
    in_the_books = sum(charged.values()) - sum(charged[each["_id"].removeprefix("refund:")] for each in refunds)
    orders = context.operator.databases["orders"]["orders"]
    completed = await orders.find({"_id": {"$in": ours}, "status": "completed"}).to_list(None)
    owed = sum(order["ticket"]["price"] for order in completed)
    require(captured - refunded == owed, f"captured {captured} - refunded {refunded} is not {owed}, the orders' sum")
    require(in_the_books == owed, f"the sandbox kept {in_the_books}, the completed orders cost {owed}")
    return int(owed)


async def _documents(context: ScenarioContext, collection: str, query: Document) -> list[dict[str, Any]]:
    return await context.operator.databases["payments"][collection].find(query).to_list(None)


async def _captured_at(context: ScenarioContext) -> dict[str, datetime]:
    """Return the time of the charge of each order, from its event."""
    captured = {}
    stream = stream_of(PaymentCreated).name
    async for message in read_stream(context.operator.broker, stream, [PaymentCreated.subjects()]):
        event = PaymentCreated.model_validate_json(message.data)
        captured[event.order_id] = datetime.fromisoformat(message.headers[TIME])
    return {str(order): at for order, at in captured.items()}


SCENARIO = Scenario("Late payment", run)
