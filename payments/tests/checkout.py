"""The scene of most tests: an open order, its buyer, and payments at work."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta

import bson
import httpx

from common.domain.ids import PaymentId
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated, OrderEvent
from devkit.testing.clock import SettableClock
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.problem_details import refusal
from devkit.testing.running import RunningService
from payments.consumers import CONSUMERS
from payments.service import PaymentService

Start = Callable[[], AbstractAsyncContextManager[RunningService]]
"""Starts payments; each time on the same database."""

GOOD_CARD = "pm_card_visa"
_ABANDONED = timedelta(seconds=11)


@dataclass(frozen=True)
class Checkout:
    """payments knows of `created`; what becomes of the order, one of the other two events, is for the test to say."""

    running: RunningService
    streams: EventStreams
    clock: SettableClock
    created: OrderCreated
    cancelled: OrderCancelled
    completed: OrderCompleted

    @property
    def service(self) -> PaymentService:
        return self.running.use_cases

    async def pay(self, token: str = GOOD_CARD, *, order: OrderEvent | None = None) -> httpx.Response:
        """As the buyer of the order; of another one, if that is given."""
        order = order or self.created
        return await pay(self.running.client(order.user_id), order.id, token)

    async def listed(self) -> list[dict[str, str]]:
        answer = await self.running.client(self.created.user_id).get(
            "/api/payments", params={"orderId": self.created.id}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["payments"]

    async def hear(self, *events: OrderEvent) -> None:
        """Publish order events, and wait until payments knows of them and has done all that it does about them."""
        await self.streams.publish(*events)
        read_models = self.running.collection("order_replicas")
        for event in events:
            known = {"_id": event.id, "version": {"$gte": event.version}}
            await eventually(lambda known=known: read_models.find_one(known), what=f"a read model: {known}")
        await self.eventually_quiet()

    async def eventually_quiet(self) -> None:
        await self.streams.eventually_quiet(*(consumer.name for consumer in CONSUMERS))

    async def recover(self, *, later: timedelta = _ABANDONED) -> None:
        """Some time later: by default so late that no request can still be working on a payment."""
        self.clock.move_on(later)
        await self.service.recover_open_payments()

    async def is_open(self, payment_id: PaymentId) -> bool:
        payment = await self.service._payments.find(payment_id)
        assert payment is not None
        return payment.open

    async def books(self) -> dict[str, list[bytes]]:
        """Every document of payments, byte for byte, once all that was staged has been published."""
        await self.streams.eventually_relayed(self.running.collection("payments"))
        books = {}
        for name in ("payments", "order_replicas"):
            documents = await self.running.collection(name).find({}).sort([("_id", 1)]).to_list(None)
            books[name] = [bson.encode(document) for document in documents]
        return books


async def pay(client: httpx.AsyncClient, order_id: str, token: str = GOOD_CARD) -> httpx.Response:
    return await client.post("/api/payments", json={"orderId": order_id, "token": token})


def problem(answer: httpx.Response) -> tuple[int, str]:
    """The status and the code of an error answer."""
    found = refusal(answer)
    return found.status, found.code
