"""`python -m benchmarks.baseline_consumers`: a minimal program that handles the events of new orders.

We compare the platform with this program. In the platform, three services handle the event of a new order: tickets,
expiration and payments. The tickets service then publishes an event about the ticket, and the orders service handles
that event. This program does the work of these four services in one process, with about as many reads, writes and
publications. After each write, the program waits until MongoDB has written its journal. After each publication, it
waits until NATS has stored the message. It acknowledges each event as soon as it has handled the event. It has no
models and no logs, and handles no errors.
"""

import asyncio
import json
import os
import signal
from typing import Any

import nats
import uvloop
from motor.motor_asyncio import AsyncIOMotorClient
from nats.js.api import AckPolicy, ConsumerConfig
from pymongo import AsyncMongoClient

from benchmarks.baseline import STREAM

_IN_FLIGHT = 100


class BaselineConsumers:
    def __init__(self, database: Any, jetstream: Any) -> None:  # noqa: ANN401 - the types depend on the driver
        self.database, self.jetstream = database, jetstream
        self.at_work: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        for name, subject, handle in (
            ("tickets", "baseline.created.*", self.hold),
            ("expiration", "baseline.created.*", self.set_timer),
            ("payments", "baseline.created.*", self.replicate),
            ("orders", "baseline.updated.*", self.replicate_ticket),
        ):
            config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, max_ack_pending=_IN_FLIGHT)

            async def receive(message: Any, handle: Any = handle) -> None:  # noqa: ANN401 - a message, a method
                task = asyncio.create_task(self.handle_and_ack(message, handle))
                self.at_work.add(task)
                task.add_done_callback(self.at_work.discard)

            await self.jetstream.subscribe(
                subject, stream=STREAM, durable=f"baseline-{name}", config=config, cb=receive, manual_ack=True
            )

    async def handle_and_ack(self, message: Any, handle: Any) -> None:  # noqa: ANN401 - a message, a method
        await handle(json.loads(message.data))
        await message.ack()

    async def hold(self, order: dict[str, Any]) -> None:
        """Reserve the ticket for a new order, with about the same reads and writes as the tickets service."""
        tickets, orders = self.database["tickets"], self.database["order_replicas"]
        ticket = order["ticket"]["id"]
        known = {"version": 1, "ticket_id": ticket, "is_live": True}
        await orders.update_one({"_id": order["id"], "version": {"$lt": 1}}, {"$set": known}, upsert=True)
        await tickets.find_one({"_id": ticket})
        await orders.find({"ticket_id": ticket, "is_live": True}).to_list(None)
        data = json.dumps({"id": ticket, "version": 2, "orderId": order["id"]})
        staged = {"id": f"ticket-{ticket}-2", "data": data}
        hold = {"$set": {"version": 2, "order_id": order["id"]}, "$push": {"outbox": staged}}
        await tickets.update_one({"_id": ticket}, hold, upsert=True)
        headers = {"Nats-Msg-Id": staged["id"]}
        await self.jetstream.publish(f"baseline.updated.{ticket}", data.encode(), headers=headers)
        await tickets.update_one({"_id": ticket}, {"$pull": {"outbox": {"id": staged["id"]}}})

    async def set_timer(self, order: dict[str, Any]) -> None:
        deadlines = self.database["deadlines"]
        await deadlines.find_one({"_id": order["id"]})
        await deadlines.insert_one({"_id": order["id"], "expires_at": order["expiresAt"], "status": "pending"})
        await self.jetstream.publish(f"baseline.timer.{order['id']}", b"x" * 100)

    async def replicate(self, order: dict[str, Any]) -> None:
        known = {"version": 1, "user_id": order["userId"], "price": order["ticket"]["price"], "status": "created"}
        await self.database["payment_orders"].update_one(
            {"_id": order["id"], "version": {"$lt": 1}}, {"$set": known}, upsert=True
        )

    async def replicate_ticket(self, ticket: dict[str, Any]) -> None:
        await self.database["ticket_replicas"].update_one(
            {"_id": ticket["id"], "version": {"$lt": 2}}, {"$set": {"version": 2}}
        )


async def _main() -> None:
    client: Any = AsyncIOMotorClient if os.environ["MONGO_DRIVER"] == "motor" else AsyncMongoClient
    database = client(os.environ["MONGO_URL"], w="majority", journal=True)["baseline"]
    await database["order_replicas"].create_index("ticket_id", partialFilterExpression={"is_live": True})
    await database["tickets"].create_index("outbox.id", sparse=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await BaselineConsumers(database, (await nats.connect(os.environ["NATS_URL"])).jetstream()).start()
    await stop.wait()


if __name__ == "__main__":
    uvloop.run(_main())
