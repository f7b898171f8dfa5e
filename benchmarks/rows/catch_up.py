"""Measures how fast the orders service handles the ticket events that were published while the service was down.

The baseline, with which we compare the service, receives no events. It only writes the same documents with the plain
MongoDB driver, with one unordered bulk_write per 1,000 documents.
"""

import asyncio
import time
from typing import Any

from pymongo import MongoClient, UpdateOne

from benchmarks.bench import Bench
from benchmarks.figures import Row, Target
from common.domain.ids import UserId, new_id
from common.events.tickets import TicketCreated
from common.messaging.streams import DOMAIN_EVENTS

_CONSUMER = "orders-replicate-ticket"
_AT_MOST_SECONDS = 60.0
"""The limit of three separate waits.

First, we publish the events, and wait until the stream contains all of them. Then we wait until the service has handled
the first event. If one of these takes longer, the measurement fails. Last, we wait until the service has handled all
events. If this takes longer, we stop, and use the rate that the service has reached until then.
"""
_BULK = 1_000
_POLL_SECONDS = 0.05


async def measure(bench: Bench) -> list[Row]:
    count = bench.size(100_000, 500)
    rounds, baselines, fewest = [], [], count
    for number in range(bench.rounds):
        of = f"round {number + 1} of {bench.rounds}"
        await bench.wait_until_idle()
        await bench.platform.terminate("orders")
        bench.progress(f"publishing {count:,} events, {of}")
        events = await _publish(bench, count)
        baselines.append(await asyncio.to_thread(_baseline, bench.platform.mongo_url, events))
        bench.progress(f"catching up, {of}")
        starting = asyncio.create_task(bench.platform.start("orders"))
        rate, applied = await _catch_up(bench, count)
        await starting
        rounds.append(rate)
        fewest = min(fewest, applied)
    target = Target("at least 10,000 events/s", "median", at_least=10_000)
    return [Row(f"catch-up of {count:,} events", "events/s", rounds, baselines, target, {"applied": f"{fewest:,}"})]


async def _publish(bench: Bench, count: int) -> list[TicketCreated]:
    """Publish `count` ticket events, and return these events.

    To save time, the function does not wait after each event until NATS has acknowledged it. Instead, it waits once, at
    the end, until the stream contains all events.
    """
    client, jetstream = bench.operator.broker.client, bench.operator.broker.jetstream
    before = (await jetstream.stream_info(DOMAIN_EVENTS.name)).state.messages
    seller = UserId(new_id())
    events = [TicketCreated(id=new_id(), version=1, title="Concert", price=1999, user_id=seller) for _ in range(count)]
    for number, event in enumerate(events, start=1):
        await client.publish(event.subject, event.to_json().encode(), headers={"Nats-Msg-Id": event.event_id})
        if number % _BULK == 0:
            await client.flush()
    async with asyncio.timeout(_AT_MOST_SECONDS):
        stored = before
        while stored < before + count:
            await asyncio.sleep(_POLL_SECONDS)
            stored = (await jetstream.stream_info(DOMAIN_EVENTS.name)).state.messages
    return events


async def _catch_up(bench: Bench, count: int) -> tuple[float, int]:
    """Return how many events per second the orders service has handled, and how many events in total.

    The measurement starts when the service has handled its first events. So the result does not depend on the time that
    the service needs to start.
    """
    jetstream = bench.operator.broker.jetstream
    entered, began, first = time.monotonic(), 0.0, 0
    while True:
        info = await jetstream.consumer_info(DOMAIN_EVENTS.name, _CONSUMER)
        now, applied = time.monotonic(), count - (info.num_pending or 0) - (info.num_ack_pending or 0)
        if applied > 0 and not began:
            began, first = now, applied
        if not began and now - entered > _AT_MOST_SECONDS:
            raise TimeoutError(f"orders has handled no event for {_AT_MOST_SECONDS:g} s. Its log says why.")
        if applied >= count or (began and now - began > _AT_MOST_SECONDS):
            return (applied - first) / max(1e-9, now - began), applied
        await asyncio.sleep(_POLL_SECONDS)


def _baseline(mongo_url: str, events: list[TicketCreated]) -> float:
    client: MongoClient[dict[str, Any]] = MongoClient(mongo_url, w="majority", journal=True)
    collection = client["baseline"]["caught_up"]
    began = time.monotonic()
    for start in range(0, len(events), _BULK):
        collection.bulk_write(
            [
                UpdateOne(
                    {"_id": event.id, "version": {"$lt": 1}},
                    {"$set": {"version": 1, "title": event.title, "price": event.price, "user_id": event.user_id}},
                    upsert=True,
                )
                for event in events[start : start + _BULK]
            ],
            ordered=False,
        )
    took = time.monotonic() - began
    client.close()
    return len(events) / took
