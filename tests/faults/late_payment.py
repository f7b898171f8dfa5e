"""Late payment: whichever comes first, payment or deadline, the money ends in a completed order or goes back."""

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
from faults.scenario import Outcome, Scenario, promise
from faults.world import Person, World, in_parallel
from marketplace.operations.stream_reader import read_stream

_MEAN_DELAY, _DEVIATION = -0.13, 0.09
"""Seconds from the deadline to the payment, normally distributed."""
_PAUSED_FOR = 0.6
"""Seconds. Shorter than any patience: nobody is taken for dead, one is merely slow at the worst moment."""
_SLOW = (("orders", 0.3), ("orders", 0.3), ("payments", 0.1))
"""Whose instance is paused, and how long before the deadline, wave by wave. Of orders, so that payments which were in
time are heard of too late; of payments, so that a charge that has begun in time ends too late."""
_LATE_SHARE = 0.03
_AT_MOST = 6
"""While fewer than this share have come too late, the race goes on, up to so many times its length."""
_NEAR = timedelta(milliseconds=100)


@dataclass
class Race:
    ticket: str
    order: str = ""
    due: datetime = field(default_factory=lambda: datetime.now(UTC))
    refusal: str = ""
    """The problem that the buyer was told of; empty if the payment was accepted."""


async def run(world: World) -> Outcome:
    seller, buyer = await world.person(), await world.person()
    races: list[Race] = []
    wanted, in_a_wave = world.size(500, 20), world.size(25, 20)
    while len(races) < wanted or (
        len(races) < wanted * _AT_MOST and await _refunded_so_far(world, races) < wanted * _LATE_SHARE
    ):
        slow, before = _SLOW[len(races) // in_a_wave % len(_SLOW)]
        wave = [Race(ticket) for ticket in await in_parallel((seller.lists() for _ in range(in_a_wave)), at_most=20)]
        await _race(world, buyer, wave, slow=slow, before=before)
        races += wave
        world.progress(min(len(races), wanted), wanted)
    differences = await world.settle()
    promise(not differences, f"the audit found: {differences[:3]}")
    endings = Counter([await _ending(world, race) for race in races])
    kept = await _money_kept(world, races)
    captured = await _captured_at(world)
    moments = [captured[race.order] - race.due for race in races if race.order in captured]
    promise(endings["refunded"] >= wanted * _LATE_SHARE, f"too few came too late to show anything: {dict(endings)}")
    return Outcome(
        done=f"{len(races)} orders, each paid {_MEAN_DELAY:g} ± {_DEVIATION:g} s from its deadline",
        injected=f"one instance of orders or of payments stopped (SIGSTOP) for {_PAUSED_FOR:g} s around the deadline",
        checked="each completed, or cancelled and refunded, or never charged; nobody refused was charged; "
        "captured minus refunded = what the completed orders cost, in payments and in the sandbox's books",
        figures={
            "completed": str(endings["completed"]),
            "refunded": str(endings["refunded"]),
            "never charged": str(endings["never charged"]),
            "captured ≤ 0.1 s before the deadline": str(sum(-_NEAR <= each < timedelta(0) for each in moments)),
            "captured after it": str(sum(each >= timedelta(0) for each in moments)),
            "money kept": f"{kept / 100:.2f}",
        },
    )


async def _race(world: World, buyer: Person, wave: list[Race], *, slow: str, before: float) -> None:
    window = world.random.choice((1, 2))

    async def order(race: Race) -> None:
        answer = await buyer.orders(race.ticket, windowSeconds=window)
        promise(answer.status_code == 201, f"an order was answered {answer.status_code}: {answer.text}")
        race.order = answer.json()["id"]
        race.due = datetime.fromisoformat(answer.json()["expiresAt"])

    async def pay(race: Race, offset: float) -> None:
        await _until(race.due + timedelta(seconds=offset))
        answer = await buyer.pays(race.order)
        promise(answer.status_code in {201, 409}, f"a payment was answered {answer.status_code}: {answer.text}")
        race.refusal = "" if answer.status_code == 201 else answer.json()["type"]

    async def pause(around: Iterable[Race], name: str) -> None:
        middle = datetime.fromtimestamp(median(race.due.timestamp() for race in around), UTC)
        await _until(middle - timedelta(seconds=before))
        world.platform.pause(name)
        try:
            await asyncio.sleep(_PAUSED_FOR)
        finally:
            world.platform.resume(name)

    await in_parallel(map(order, wave), at_most=25)
    offsets = [world.random.normalvariate(_MEAN_DELAY, _DEVIATION) for _ in wave]
    # Two instances share the work: what the stopped one was given waits, and the other one overtakes it.
    await asyncio.gather(*map(pay, wave, offsets), pause(wave, world.random.choice((slow, f"{slow}-2"))))


async def _refunded_so_far(world: World, races: list[Race]) -> int:
    payments = world.operator.databases["payments"]["payments"]
    ours = [race.order for race in races]
    return await payments.count_documents({"order_id": {"$in": ours}, "status": "refunded"})


async def _until(moment: datetime) -> None:
    await asyncio.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


async def _ending(world: World, race: Race) -> str:
    order = await world.operator.databases["orders"]["orders"].find_one({"_id": race.order})
    status = order["status"] if order else "lost"
    paid = Counter(payment["status"] for payment in await _documents(world, "payments", {"order_id": race.order}))
    ending = {
        ("completed", ("captured",)): "completed",
        ("cancelled", ("refunded",)): "refunded",
        ("cancelled", ()): "never charged",
    }.get((status, tuple(paid.elements())))
    promise(ending is not None, f"the order {race.order} is {status}, its payments are {dict(paid)}")
    refused = race.refusal.endswith(":order-not-open")
    promise(not (refused and ending == "completed"), f"the order {race.order} was refused, and charged: {race.refusal}")
    return str(ending)


async def _money_kept(world: World, races: list[Race]) -> int:
    """What is left of these orders' charges, in minor units: by the payments, and by the card processor, and owed."""
    ours = [race.order for race in races]
    payments = await _documents(world, "payments", {"order_id": {"$in": ours}})
    captured = sum(each["amount"] for each in payments if each["status"] in {"captured", "refunded"})
    refunded = sum(each["amount"] for each in payments if each["status"] == "refunded")
    charges = await _documents(world, "sandbox_charges", {"_id": {"$in": [each["_id"] for each in payments]}})
    charged = {each["_id"]: each["request"]["amount"] for each in charges if "charge_id" in each["outcome"]}
    refunds = await _documents(world, "sandbox_refunds", {"_id": {"$in": [f"refund:{key}" for key in charged]}})
    in_the_books = sum(charged.values()) - sum(charged[each["_id"].removeprefix("refund:")] for each in refunds)
    orders = world.operator.databases["orders"]["orders"]
    completed = await orders.find({"_id": {"$in": ours}, "status": "completed"}).to_list(None)
    owed = sum(order["ticket"]["price"] for order in completed)
    promise(captured - refunded == owed, f"captured {captured} - refunded {refunded} is not {owed}, the orders' sum")
    promise(in_the_books == owed, f"the sandbox kept {in_the_books}, the completed orders cost {owed}")
    return int(owed)


async def _documents(world: World, collection: str, query: Document) -> list[dict[str, Any]]:
    return await world.operator.databases["payments"][collection].find(query).to_list(None)


async def _captured_at(world: World) -> dict[str, datetime]:
    """When each order's card had been charged, by its event."""
    captured = {}
    stream = stream_of(PaymentCreated).name
    async for message in read_stream(world.operator.broker, stream, [PaymentCreated.subjects()]):
        event = PaymentCreated.model_validate_json(message.data)
        captured[event.order_id] = datetime.fromisoformat(message.headers[TIME])
    return {str(order): at for order, at in captured.items()}


SCENARIO = Scenario("Late payment", run)
