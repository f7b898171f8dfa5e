"""From the answer to the buyer until the ticket shows the hold, at half of the peak rate and at an eighth.

What is clocked is the arrival of `ticket.updated`, which tickets publishes after it has written the hold: the ticket
itself shows it a little earlier. The requests keep to a schedule that does not wait for slow answers. The floor is the
same way without services: publish, be delivered, write, publish, hear of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig, DeliverPolicy

from benchmarks.bench import Bench
from benchmarks.figures import Row, Target, percentile
from benchmarks.floor import STREAM
from benchmarks.rows.orders import orders_of, peak_of
from common.domain.ids import new_id

T = TypeVar("T")

_SECONDS = 6
_WITHIN_SECONDS = 30.0


async def measure(bench: Bench) -> list[Row]:
    peak = await peak_of(bench)
    at_half = await _at(
        bench,
        peak / 2,
        "",
        {50: Target("at most 5 ms", "median", at_most=5), 99: Target("at most 25 ms", "median", at_most=25)},
    )
    return at_half + await _at(bench, peak / 8, ", at an eighth", {50: None, 99: None})


async def _at(bench: Bench, rate: float, label: str, targets: Mapping[int, Target | None]) -> list[Row]:
    rounds, floors, from_schedule = [], [], []
    for number in range(bench.rounds):
        bench.progress(f"round {number + 1} of {bench.rounds}{label}")
        floors.append(await _floor(bench, rate))
        lags, whole = await _round(bench, rate)
        rounds.append(lags)
        from_schedule.append(percentile(whole, 50))
    notes = {
        "orders/s": f"{rate:.0f}",
        "p50 from the schedule": f"{max(from_schedule):.1f} ms",
    }
    return [
        Row(
            f"order answered → ticket held, p{percent}{label}",
            "ms",
            [percentile(lags, percent) for lags in rounds],
            [percentile(lags, percent) for lags in floors],
            target,
            notes if percent == 50 else {},  # noqa: PLR2004 - once is enough
        )
        for percent, target in targets.items()
    ]


async def _round(bench: Bench, rate: float) -> tuple[list[float], list[float]]:
    """Milliseconds from the answer, and from the schedule, to the hold."""
    tickets = await bench.tickets(bench.size(int(rate * _SECONDS), 40))

    load = orders_of(bench, tickets, bench.port("orders"), rate=rate)
    arrived, outcome = await _arrivals(bench, "ticket.updated.*", tickets, load.run)
    outcome.require(201)
    await bench.quiet()
    pairs = [(arrived[ticket], answer) for ticket, answer in zip(tickets, outcome.answers, strict=True)]
    return [(at - answer.done) * 1000 for at, answer in pairs], [(at - answer.due) * 1000 for at, answer in pairs]


async def _floor(bench: Bench, rate: float) -> list[float]:
    client, jetstream = bench.operator.broker.client, bench.operator.broker.jetstream
    holds = bench.floor_mongo.database["holds"]
    ids = [new_id() for _ in range(bench.size(int(rate * _SECONDS), 40))]
    sent: dict[str, float] = {}
    at_work: set[asyncio.Task[Any]] = set()

    async def hold(message: Msg) -> None:
        async def write_and_tell() -> None:
            held = message.subject.rpartition(".")[2]
            await holds.update_one({"_id": held}, {"$set": {"version": 1}}, upsert=True)
            await jetstream.publish(f"floor.held.{held}", message.data)
            await message.ack()

        at_work.add(asyncio.create_task(write_and_tell()))

    async def publish() -> None:
        began = time.monotonic()
        for number, each in enumerate(ids):
            await asyncio.sleep(began + number / rate - time.monotonic())
            sent[each] = time.monotonic()
            at_work.add(asyncio.create_task(jetstream.publish(f"floor.placed.{each}", b"x" * 300)))

    fresh = ConsumerConfig(deliver_policy=DeliverPolicy.NEW)  # not what the rounds before have published
    consumer = await jetstream.subscribe("floor.placed.*", stream=STREAM, cb=hold, config=fresh, manual_ack=True)
    arrived, _ = await _arrivals(bench, "floor.held.*", ids, publish)
    await asyncio.gather(*at_work)
    await consumer.unsubscribe()
    await client.flush()
    return [(arrived[each] - sent[each]) * 1000 for each in ids]


async def _arrivals(
    bench: Bench, subject: str, ids: list[str], work: Callable[[], Awaitable[T]]
) -> tuple[dict[str, float], T]:
    """When the first message about each of them came, while `work` is done and until the last is there."""
    arrived: dict[str, float] = {}
    missing, complete = set(ids), asyncio.Event()

    async def note(message: Msg) -> None:
        now, found = time.monotonic(), message.subject.rpartition(".")[2]
        if found in missing:
            arrived[found] = now
            missing.discard(found)
        if not missing:
            complete.set()

    client = bench.operator.broker.client
    subscription = await client.subscribe(subject, cb=note)
    await client.flush()
    result = await work()
    async with asyncio.timeout(_WITHIN_SECONDS):
        await complete.wait()
    await subscription.unsubscribe()
    return arrived, result
