"""The floor of the deadlines: timers of the broker, and for each the same round trips as the platform makes.

An alarm, a write, an event on the disk; its delivery, a write, an event on the disk, and who hears of it. By the plain
clients in one process, each call by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta

from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StorageType, StreamConfig

from benchmarks.bench import Bench
from benchmarks.floor import STREAM
from common.domain.clock import utc_now
from common.domain.ids import new_id
from common.storage.collection import Collection

_TIMERS = StreamConfig(
    "FLOOR_TIMERS",
    subjects=["floor-timer.>"],
    storage=StorageType.FILE,
    allow_msg_schedules=True,
    allow_msg_ttl=True,
)
_IN_FLIGHT = 100
_PUBLISHED_AT_ONCE = 256
_WITHIN_SECONDS = 90.0


class _Handlers:
    def __init__(self, jetstream: JetStreamContext, deadlines: Collection, orders: Collection) -> None:
        self._jetstream, self._deadlines, self._orders = jetstream, deadlines, orders
        self.at_work: set[asyncio.Task[None]] = set()

    async def expire(self, order: str) -> None:
        await self._deadlines.update_one({"_id": order}, {"$set": {"status": "completed"}})
        await self._jetstream.publish(f"floor.expired.{order}", b"x" * 200)

    async def cancel(self, order: str) -> None:
        await self._orders.update_one({"_id": order}, {"$set": {"status": "cancelled"}})
        await self._jetstream.publish(f"floor.cancelled.{order}", b"x" * 300)

    async def start(self, subject: str, stream: str, handle: Callable[[str], Awaitable[None]]) -> "_Subscription":
        async def settle(message: Msg) -> None:
            await handle(message.subject.rpartition(".")[2])
            await message.ack()

        async def receive(message: Msg) -> None:
            task = asyncio.create_task(settle(message))
            self.at_work.add(task)
            task.add_done_callback(self.at_work.discard)

        # Not what the rounds before have published.
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.NEW, ack_policy=AckPolicy.EXPLICIT, max_ack_pending=_IN_FLIGHT
        )
        return await self._jetstream.subscribe(subject, stream=stream, cb=receive, config=config, manual_ack=True)


_Subscription = JetStreamContext.PushSubscription


async def last_of_the_floor(bench: Bench, count: int, *, seconds_ahead: float) -> float:
    """Milliseconds from the moment at which they are all due until the last is heard of."""
    client, jetstream = bench.operator.broker.client, bench.operator.broker.jetstream
    deadlines, orders = (bench.floor_mongo.database[name] for name in ("floor_deadlines", "floor_cancelled"))
    ids = [new_id() for _ in range(count)]
    for collection in (deadlines, orders):
        documents = [{"_id": each, "status": "pending"} for each in ids]
        await collection.insert_many(documents)  # type: ignore[attr-defined] # the services need no such call
    heard: set[str] = set()
    complete = asyncio.Event()

    async def note(message: Msg) -> None:
        heard.add(message.subject)
        if len(heard) == count:
            complete.set()

    await jetstream.add_stream(_TIMERS)
    handlers = _Handlers(jetstream, deadlines, orders)
    subscriptions = [
        await handlers.start("floor-timer.alarm.*", _TIMERS.name or "", handlers.expire),
        await handlers.start("floor.expired.*", STREAM, handlers.cancel),
        await client.subscribe("floor.cancelled.*", cb=note),
    ]
    due = utc_now() + timedelta(seconds=seconds_ahead)
    for batch in _batches(ids):
        await asyncio.gather(*(_arm(jetstream, each, due) for each in batch))
    async with asyncio.timeout(seconds_ahead + _WITHIN_SECONDS):
        await complete.wait()
    late = (utc_now() - due).total_seconds() * 1000
    while handlers.at_work:
        await asyncio.gather(*handlers.at_work)
    for subscription in subscriptions:
        await subscription.unsubscribe()
    await jetstream.delete_stream(_TIMERS.name or "")
    return late


async def _arm(jetstream: JetStreamContext, order: str, due: datetime) -> None:
    at = due.isoformat().replace("+00:00", "Z")
    headers = {"Nats-Schedule": f"@at {at}", "Nats-Schedule-Target": f"floor-timer.alarm.{order}"}
    await jetstream.publish(f"floor-timer.schedule.{order}", b"x", headers=headers)


def _batches(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _PUBLISHED_AT_ONCE):
        yield ids[start : start + _PUBLISHED_AT_ONCE]
