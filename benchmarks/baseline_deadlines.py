"""A minimal program that cancels many orders at the same time. benchmarks.rows.deadlines compares the platform with it.

It uses the timers of NATS, as the platform does. A timer is a message that NATS delivers at the time at which an order
expires. When a timer fires, the first handler writes to MongoDB and publishes the event `expired`. The second handler
receives this event, writes to MongoDB and publishes the event `cancelled`. The handlers read nothing from the database,
and publish their events directly. The measurement ends when the event `cancelled` of each order has arrived. All of
this happens in one process, with the plain clients of MongoDB and NATS. Each write is a separate call. The platform
combines its writes into batches, but this program does not.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta

from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StorageType, StreamConfig

from benchmarks.baseline import STREAM
from benchmarks.bench import Bench
from common.domain.clock import utc_now
from common.domain.ids import new_id
from common.storage.collection import Collection

_TIMERS = StreamConfig(
    "BASELINE_TIMERS",
    subjects=["baseline-timer.>"],
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
        await self._jetstream.publish(f"baseline.expired.{order}", b"x" * 200)

    async def cancel(self, order: str) -> None:
        await self._orders.update_one({"_id": order}, {"$set": {"status": "cancelled"}})
        await self._jetstream.publish(f"baseline.cancelled.{order}", b"x" * 300)

    async def start(self, subject: str, stream: str, handle: Callable[[str], Awaitable[None]]) -> "_Subscription":
        async def handle_and_ack(message: Msg) -> None:
            await handle(message.subject.rpartition(".")[2])
            await message.ack()

        async def receive(message: Msg) -> None:
            task = asyncio.create_task(handle_and_ack(message))
            self.at_work.add(task)
            task.add_done_callback(self.at_work.discard)

        # We repeat the measurement in several rounds, and the stream may still contain messages of earlier rounds. With
        # NEW, NATS delivers only the messages that are published from now on.
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.NEW, ack_policy=AckPolicy.EXPLICIT, max_ack_pending=_IN_FLIGHT
        )
        return await self._jetstream.subscribe(subject, stream=stream, cb=receive, config=config, manual_ack=True)


_Subscription = JetStreamContext.PushSubscription


async def measure_baseline_deadlines(bench: Bench, count: int, *, seconds_ahead: float) -> float:
    """Set `count` timers that all fire at the same time, and return how late the last order is cancelled.

    The timers fire `seconds_ahead` seconds from now. For each timer, our handlers publish first an event `expired` and
    then an event `cancelled`. The result is the number of milliseconds from the time at which the timers are due until
    the last event `cancelled` arrives.
    """
    client, jetstream = bench.operator.broker.client, bench.operator.broker.jetstream
    deadlines, orders = (bench.baseline_mongo.database[name] for name in ("baseline_deadlines", "baseline_cancelled"))
    ids = [new_id() for _ in range(count)]
    for collection in (deadlines, orders):
        documents = [{"_id": each, "status": "pending"} for each in ids]
        await collection.insert_many(documents)  # type: ignore[attr-defined] # our type has no insert_many
    received: set[str] = set()
    complete = asyncio.Event()

    async def note(message: Msg) -> None:
        received.add(message.subject)
        if len(received) == count:
            complete.set()

    await jetstream.add_stream(_TIMERS)
    handlers = _Handlers(jetstream, deadlines, orders)
    subscriptions = [
        await handlers.start("baseline-timer.alarm.*", _TIMERS.name or "", handlers.expire),
        await handlers.start("baseline.expired.*", STREAM, handlers.cancel),
        await client.subscribe("baseline.cancelled.*", cb=note),
    ]
    due = utc_now() + timedelta(seconds=seconds_ahead)
    for batch in _batches(ids):
        await asyncio.gather(*(_set_timer(jetstream, each, due) for each in batch))
    async with asyncio.timeout(seconds_ahead + _WITHIN_SECONDS):
        await complete.wait()
    late = (utc_now() - due).total_seconds() * 1000
    while handlers.at_work:
        await asyncio.gather(*handlers.at_work)
    for subscription in subscriptions:
        await subscription.unsubscribe()
    await jetstream.delete_stream(_TIMERS.name or "")
    return late


async def _set_timer(jetstream: JetStreamContext, order: str, due: datetime) -> None:
    at = due.isoformat().replace("+00:00", "Z")
    headers = {"Nats-Schedule": f"@at {at}", "Nats-Schedule-Target": f"baseline-timer.alarm.{order}"}
    await jetstream.publish(f"baseline-timer.schedule.{order}", b"x", headers=headers)


def _batches(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _PUBLISHED_AT_ONCE):
        yield ids[start : start + _PUBLISHED_AT_ONCE]
