"""Measures the time from the answer to an order request until the tickets service reserves the ticket for the order.

The tickets service first writes to its database that the ticket is reserved ("the order holds the ticket"). Then it
publishes the event `ticket.updated`. The measured time ends when we receive this event. We measure at two rates: half
and an eighth of the number of orders per second that the platform can place. Each request has a fixed time at which it
is due to be sent, even if earlier answers are slow.

The baseline, with which we compare the platform, makes only the necessary steps, without the services. It publishes an
event, receives this event, writes to the database, publishes a second event, and receives the second event.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig, DeliverPolicy

from benchmarks.baseline import STREAM
from benchmarks.bench import Bench
from benchmarks.figures import Row, Target, percentile
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
    rounds, baselines, from_schedule = [], [], []
    for number in range(bench.rounds):
        bench.progress(f"round {number + 1} of {bench.rounds}{label}")
        baselines.append(await _baseline(bench, rate))
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
            [percentile(lags, percent) for lags in baselines],
            target,
            notes if percent == 50 else {},  # noqa: PLR2004 - the notes are the same for both percentiles
        )
        for percent, target in targets.items()
    ]


async def _round(bench: Bench, rate: float) -> tuple[list[float], list[float]]:
    """Measure one round. Return two lists with the milliseconds until each ticket was held (reserved for its order).

    In the first list, the time begins with the answer to the order request. In the second list, the time begins when
    the order request was due to be sent.
    """
    tickets = await bench.tickets(bench.size(int(rate * _SECONDS), 40))

    load = orders_of(bench, tickets, bench.port("orders"), rate=rate)
    arrived, outcome = await _arrivals(bench, "ticket.updated.*", tickets, load.run)
    outcome.require(201)
    await bench.wait_until_idle()
    pairs = [(arrived[ticket], answer) for ticket, answer in zip(tickets, outcome.answers, strict=True)]
    return [(at - answer.done) * 1000 for at, answer in pairs], [(at - answer.due) * 1000 for at, answer in pairs]


async def _baseline(bench: Bench, rate: float) -> list[float]:
    client, jetstream = bench.operator.broker.client, bench.operator.broker.jetstream
    holds = bench.baseline_mongo.database["holds"]
    ids = [new_id() for _ in range(bench.size(int(rate * _SECONDS), 40))]
    sent: dict[str, float] = {}
    at_work: set[asyncio.Task[Any]] = set()

    async def hold(message: Msg) -> None:
        async def write_and_publish() -> None:
            held = message.subject.rpartition(".")[2]
            await holds.update_one({"_id": held}, {"$set": {"version": 1}}, upsert=True)
            await jetstream.publish(f"baseline.held.{held}", message.data)
            await message.ack()

        at_work.add(asyncio.create_task(write_and_publish()))

    async def publish() -> None:
        began = time.monotonic()
        for number, each in enumerate(ids):
            await asyncio.sleep(began + number / rate - time.monotonic())
            sent[each] = time.monotonic()
            at_work.add(asyncio.create_task(jetstream.publish(f"baseline.placed.{each}", b"x" * 300)))

    config = ConsumerConfig(deliver_policy=DeliverPolicy.NEW)  # deliver no messages of earlier rounds
    consumer = await jetstream.subscribe("baseline.placed.*", stream=STREAM, cb=hold, config=config, manual_ack=True)
    arrived, _ = await _arrivals(bench, "baseline.held.*", ids, publish)
    await asyncio.gather(*at_work)
    await consumer.unsubscribe()
    await client.flush()
    return [(arrived[each] - sent[each]) * 1000 for each in ids]


async def _arrivals(
    bench: Bench, subject: str, ids: list[str], work: Callable[[], Awaitable[T]]
) -> tuple[dict[str, float], T]:
    """Subscribe to `subject`, call `work`, and wait until one message for each of the `ids` has arrived.

    Return a mapping of each id to the arrival time of its message. Also return the result of `work`.
    """
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
