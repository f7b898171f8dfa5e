"""Measures how fast services handle the ticket events that were published while they were down.

We stop the orders service and the storefront service, publish the events, and start one service after the other. So
only one of them catches up at a time.

The baseline, with which we compare a service, receives no events. It only writes the same documents with the plain
MongoDB driver, with one unordered bulk_write per 1,000 documents.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from pymongo import MongoClient, UpdateOne

import orders.ticket_read_model
import storefront.ticket_read_model
from benchmarks.bench import Bench
from benchmarks.figures import Row, Target
from common.domain.ids import UserId, new_id
from common.events.tickets import TicketCreated
from common.messaging.streams import DOMAIN_EVENTS
from common.storage.read_model import ReadModel


@dataclass(frozen=True)
class _Follower:
    """A service that copies tickets."""

    service: str
    consumer: str
    read_model: type[ReadModel]
    label: str = ""


_FOLLOWERS = (
    _Follower("orders", "orders-replicate-ticket", orders.ticket_read_model.TicketReadModel),
    _Follower(
        "storefront",
        "storefront-show-ticket-on-ticket-event",
        storefront.ticket_read_model.TicketReadModel,
        ", storefront",
    ),
)
_AT_MOST_SECONDS = 60.0
"""The limit of three separate waits.

First, we publish the events, and wait until the stream contains all of them. Then we wait until a service has handled
the first event. If one of these takes longer, the measurement fails. Last, we wait until the service has handled all
events. If this takes longer, we stop, and use the rate that the service has reached until then.
"""
_BULK = 1_000
_POLL_SECONDS = 0.05


async def measure(bench: Bench) -> list[Row]:
    count = bench.size(100_000, 500)
    rates: dict[str, list[float]] = {each.service: [] for each in _FOLLOWERS}
    baselines: dict[str, list[float]] = {each.service: [] for each in _FOLLOWERS}
    fewest = {each.service: count for each in _FOLLOWERS}
    for number in range(bench.rounds):
        of = f"round {number + 1} of {bench.rounds}"
        await bench.wait_until_idle()
        for each in _FOLLOWERS:
            await bench.platform.terminate(each.service)
        bench.progress(f"publishing {count:,} events, {of}")
        events = await _publish(bench, count)
        for each in _FOLLOWERS:
            copies = [each.read_model.from_event(event).to_document() for event in events]
            baselines[each.service].append(await asyncio.to_thread(_baseline, bench.platform.mongo_url, each, copies))
            bench.progress(f"{each.service} catches up, {of}")
            starting = asyncio.create_task(bench.platform.start(each.service))
            rate, applied = await _catch_up(bench, each, count)
            await starting
            rates[each.service].append(rate)
            fewest[each.service] = min(fewest[each.service], applied)
    target = Target("at least 10,000 events/s", "median", at_least=10_000)
    return [
        Row(
            f"catch-up of {count:,} events{each.label}",
            "events/s",
            rates[each.service],
            baselines[each.service],
            target,
            {"applied": f"{fewest[each.service]:,}"},
        )
        for each in _FOLLOWERS
    ]


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


async def _catch_up(bench: Bench, follower: _Follower, count: int) -> tuple[float, int]:
    """Return how many events per second the service has handled, and how many events in total.

    The measurement starts when the service has handled its first events. So the result does not depend on the time that
    the service needs to start.
    """
    jetstream = bench.operator.broker.jetstream
    entered, began, first = time.monotonic(), 0.0, 0
    while True:
        info = await jetstream.consumer_info(DOMAIN_EVENTS.name, follower.consumer)
        now, applied = time.monotonic(), count - (info.num_pending or 0) - (info.num_ack_pending or 0)
        if applied > 0 and not began:
            began, first = now, applied
        if not began and now - entered > _AT_MOST_SECONDS:
            raise TimeoutError(f"{follower.service} has handled no event for {_AT_MOST_SECONDS:g} s. Its log says why.")
        if applied >= count or (began and now - began > _AT_MOST_SECONDS):
            return (applied - first) / max(1e-9, now - began), applied
        await asyncio.sleep(_POLL_SECONDS)


def _baseline(mongo_url: str, follower: _Follower, copies: list[dict[str, Any]]) -> float:
    client: MongoClient[dict[str, Any]] = MongoClient(mongo_url, w="majority", journal=True)
    collection = client["baseline"][f"caught_up_by_{follower.service}"]
    began = time.monotonic()
    for start in range(0, len(copies), _BULK):
        collection.bulk_write(
            [
                UpdateOne({"_id": copy["_id"], "version": {"$lt": 1}}, {"$set": _without_id(copy)}, upsert=True)
                for copy in copies[start : start + _BULK]
            ],
            ordered=False,
        )
    took = time.monotonic() - began
    client.close()
    return len(copies) / took


def _without_id(copy: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in copy.items() if name != "_id"}
