"""The baseline program: a minimal ASGI program that does only the work that is necessary to place an order.

We compare the platform with this program. For each request, the program verifies the token, finds the ticket, and
inserts the order into the database. The document of the order has an outbox, which contains the event of the new order.
Then the program answers. In the background, it publishes these events in batches, and removes the events of each batch
from the outboxes with one write. It uses the same documents, servers and driver as the platform, and indexes of the
same fields. But it has no framework, schemas, logs, traces or idempotency. Another process consumes the events. It runs
benchmarks.baseline_consumers.
"""

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import nats
from bson import ObjectId
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from motor.motor_asyncio import AsyncIOMotorClient
from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from pymongo import AsyncMongoClient, UpdateOne

STREAM = "BASELINE"
_BATCH = 256
_WINDOW = timedelta(minutes=15)
_Entry = tuple[str, str, bytes, dict[str, str]]


class Baseline:
    def __init__(self) -> None:
        client: Any = AsyncIOMotorClient if os.environ["MONGO_DRIVER"] == "motor" else AsyncMongoClient
        self.database = client(os.environ["MONGO_URL"], w="majority", journal=True, tz_aware=True)["baseline"]
        self.tickets, self.orders = self.database["ticket_replicas"], self.database["orders"]
        key = load_pem_public_key(os.environ["TOKEN_PUBLIC_KEY"].encode())
        assert isinstance(key, Ed25519PublicKey)  # noqa: S101 - the platform creates only keys of this type
        self.key = key
        self.queue: asyncio.Queue[_Entry] = asyncio.Queue()
        self.jetstream: Any = None
        self.relay: asyncio.Task[None] | None = None

    async def start(self) -> None:
        live = {"status": {"$in": ["created", "completed"]}}
        await self.orders.create_index("ticket.id", unique=True, partialFilterExpression=live)
        await self.orders.create_index([("user_id", 1), ("_id", -1)])
        await self.orders.create_index(
            "request_key", unique=True, partialFilterExpression={"request_key": {"$type": "string"}}
        )
        await self.orders.create_index("outbox.id", sparse=True)
        self.jetstream = (await nats.connect(os.environ["NATS_URL"])).jetstream()
        await self.jetstream.add_stream(
            StreamConfig(
                STREAM,
                subjects=["baseline.>"],
                storage=StorageType.FILE,
                discard=DiscardPolicy.NEW,
                duplicate_window=600,
                allow_direct=True,
            )
        )
        self.relay = asyncio.create_task(self.publish_forever())

    async def place(self, token: str, body: bytes) -> tuple[int, dict[str, Any]]:
        claims = jwt.decode(token, self.key, algorithms=["EdDSA"])
        ticket = await self.tickets.find_one({"_id": json.loads(body)["ticketId"]})
        if ticket is None:
            return 404, {}
        now = datetime.now(UTC)
        order = str(ObjectId())
        shown = {
            "id": order,
            "status": "created",
            "userId": claims["sub"],
            "expiresAt": (now + _WINDOW).isoformat(),
            "ticket": {"id": ticket["_id"], "title": ticket["title"], "price": ticket["price"]},
            "version": 1,
        }
        event, data = f"order-{order}-1", json.dumps(shown)
        # The headers are about as long as those of an event of the platform, because we also measure the time to store
        # and send them.
        headers = {
            "Nats-Msg-Id": event,
            "ce-specversion": "1.0",
            "ce-id": event,
            "ce-type": "order.created.v1",
            "ce-source": "/orders",
            "ce-subject": order,
            "ce-time": now.isoformat(),
            "ce-causationid": "POST /api/orders",
            "content-type": "application/json",
            "traceparent": f"00-{order}{order[:8]}-{order[:16]}-00",
        }
        subject = f"baseline.created.{order}"
        staged = {"id": event, "subject": subject, "data": data, "headers": headers, "staged_at": now}
        await self.orders.insert_one(
            {
                "_id": order,
                "version": 1,
                "user_id": claims["sub"],
                "ticket": shown["ticket"],
                "expires_at": now + _WINDOW,
                "status": "created",
                "payment_id": None,
                "late_payment_id": None,
                "request_key": None,
                "outbox": [staged],
            }
        )
        self.queue.put_nowait((order, subject, data.encode(), headers))
        return 201, shown

    async def publish_forever(self) -> None:
        while True:
            batch = [await self.queue.get()]
            while len(batch) < _BATCH and not self.queue.empty():
                batch.append(self.queue.get_nowait())
            await asyncio.gather(
                *(self.jetstream.publish(subject, data, headers=headers) for _, subject, data, headers in batch)
            )
            clear = [
                UpdateOne({"_id": order}, {"$pull": {"outbox": {"id": headers["Nats-Msg-Id"]}}})
                for order, _, _, headers in batch
            ]
            await self.orders.bulk_write(clear, ordered=False)


_baseline: Baseline | None = None


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - plain ASGI
    """Place an order at POST /api/orders.

    Answer all other requests immediately with 201, without any work. With such requests, we measure how much time the
    load generator and the machine need if the server does no work.
    """
    global _baseline  # noqa: PLW0603 - we must create the database client inside the event loop
    if scope["type"] == "lifespan":
        await receive()
        _baseline = Baseline()
        await _baseline.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = (await receive())["body"]
    status = 201
    answer: dict[str, Any] = {}
    if scope["path"] == "/api/orders" and _baseline is not None:
        bearer = dict(scope["headers"])[b"authorization"].decode()
        status, answer = await _baseline.place(bearer.removeprefix("Bearer "), body)
    content = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
