"""What most tests need: an open order, its buyer, and a running instance of payments."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import bson
import httpx
from payments.tests.use_cases import recovery_of

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
"""Starts an instance of payments. All instances share one database."""

GOOD_CARD = "pm_card_visa"
_ABANDONED = timedelta(seconds=11)


@dataclass(frozen=True)
class Checkout:
    """The service payments knows `created`. The test decides which of the other two events follows."""

    running: RunningService
    streams: EventStreams
    clock: SettableClock
    created: OrderCreated
    cancelled: OrderCancelled
    completed: OrderCompleted

    @property
    def service(self) -> PaymentService:
        use_cases: PaymentService = self.running.use_cases
        return use_cases

    async def pay(self, token: str = GOOD_CARD, *, order: OrderEvent | None = None) -> httpx.Response:
        """Pay for the order `self.created`, or for `order`, as the buyer of this order."""
        order = order or self.created
        return await pay(self.running.client(order.user_id), order.id, token)

    def shown(self, payment_id: str, status: str) -> dict[str, Any]:
        """The answer about a payment for this order."""
        about = {"id": payment_id, "orderId": self.created.id, "status": status}
        return {**about, "amount": 19.99, "currency": "usd"}

    async def listed(self) -> list[dict[str, Any]]:
        answer = await self.running.client(self.created.user_id).get(
            "/api/payments", params={"orderId": self.created.id}
        )
        assert answer.status_code == 200, answer.text
        payments: list[dict[str, Any]] = answer.json()["payments"]
        return payments

    async def deliver(self, *events: OrderEvent) -> None:
        """Publish order events, and wait until payments has handled them."""
        await self.streams.publish(*events)
        read_models = self.running.collection("order_replicas")
        for event in events:
            known = {"_id": event.id, "version": {"$gte": event.version}}
            await eventually(partial(read_models.find_one, known), what=f"a read model: {known}")
        await self.eventually_quiet()

    async def eventually_quiet(self) -> None:
        await self.streams.eventually_quiet(*(consumer.name for consumer in CONSUMERS))

    async def recover(self, *, later: timedelta = _ABANDONED) -> None:
        """Run the recovery job later; by default so late that no request can still process a payment."""
        self.clock.move_on(later)
        await recovery_of(self.service).recover_open_payments()

    async def is_open(self, payment_id: PaymentId) -> bool:
        payment = await self.service._payments.find(payment_id)
        assert payment is not None
        return payment.open

    async def documents_of_payments(self) -> dict[str, list[bytes]]:
        """Every document of payments, byte for byte, after all staged events are published."""
        await self.streams.eventually_relayed(self.running.collection("payments"))
        documents_of_payments = {}
        for name in ("payments", "order_replicas"):
            documents = await self.running.collection(name).find({}).sort([("_id", 1)]).to_list(None)
            documents_of_payments[name] = [bson.encode(document) for document in documents]
        return documents_of_payments


async def pay(client: httpx.AsyncClient, order_id: str, token: str = GOOD_CARD) -> httpx.Response:
    return await client.post("/api/payments", json={"orderId": order_id, "token": token})


def problem(answer: httpx.Response) -> tuple[int, str]:
    """The status and the code of an error answer."""
    found = refusal(answer)
    return found.status, found.code
