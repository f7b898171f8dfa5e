"""Runs the services inside the test's process, and connects an operator to them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
from marketplace.tests.integration.damageable import DamageableCollection, damageable

from common.domain.ids import UserId
from devkit.testing.eventually import eventually
from devkit.testing.running import RunningService, Surroundings, somebody
from marketplace.operations.audit import Report, audit
from marketplace.operations.operator import Operator, operator
from marketplace.operations.stored_data import AGGREGATES, READ_MODELS, ReadModels
from marketplace.registry import SERVICE_NAMES, SERVICES, service
from marketplace.settings import PlatformSettings


def registered_read_models(service: str, collection: str) -> ReadModels:
    return next(each for each in READ_MODELS if (each.service, each.collection) == (service, collection))


@asynccontextmanager
async def an_operator(surroundings: Surroundings) -> AsyncIterator[Operator]:
    settings = PlatformSettings(
        mongo_url=surroundings.mongo_url, nats_url=surroundings.nats_url, mongo_driver=surroundings.driver
    )
    databases = {service: f"{service}-{surroundings.run_id}" for service in SERVICE_NAMES}
    async with operator(settings, databases) as connection:
        yield connection


@asynccontextmanager
async def running(
    surroundings: Surroundings, *services: str, wait: bool = True
) -> AsyncIterator[dict[str, RunningService]]:
    async with AsyncExitStack() as stack:
        found = {}
        for spec in map(service, services):
            settings = surroundings.settings(spec.settings, spec.name)
            create = partial(spec.create_app, settings, policy=surroundings.policy)
            found[spec.name] = await stack.enter_async_context(surroundings.running(create, spec.consumers, wait=wait))
        yield found


@dataclass
class Marketplace:
    operator: Operator
    services: dict[str, RunningService]
    seller: UserId
    buyer: UserId
    _clients: dict[tuple[str, UserId], httpx.AsyncClient] = field(default_factory=dict)

    def collection(self, service: str, name: str) -> DamageableCollection:
        return damageable(self.operator.databases[service][name])

    async def lists(self) -> str:
        return await self._does("tickets", self.seller, "/api/tickets", {"title": "Concert", "price": 19.99})

    async def orders(self, ticket: str) -> str:
        return await self._does("orders", self.buyer, "/api/orders", {"ticketId": ticket})

    async def pays(self, order: str) -> str:
        body = {"orderId": order, "token": "pm_card_visa"}
        return await self._does("payments", self.buyer, "/api/payments", body)

    async def cancels(self, order: str) -> None:
        answer = await self.client("orders", self.buyer).delete(f"/api/orders/{order}")
        assert answer.status_code == 204, answer.text

    async def settled(self) -> Report:
        """Wait until all events are handled; assert that the audit finds no difference."""
        report = await audit(self.operator, settle_seconds=15)
        assert report.differences == []
        for owned in AGGREGATES:  # the audit accepts staged events, so it does not wait for them
            collection = self.collection(owned.service, owned.collection)
            await eventually(
                partial(collection.count_documents, {"outbox.id": {"$exists": True}}),
                until=lambda left: left == 0,
                what=f"empty outboxes in {owned.collection}",
            )
        return report

    async def eventually_holds(self, ticket: str, order: str | None) -> None:
        async def holder() -> tuple[str | None]:
            found = await self.collection("tickets", "tickets").find_one({"_id": ticket})
            return ((found or {}).get("order_id"),)

        await eventually(holder, until=lambda seen: seen == (order,), what=f"{order} as the holder of {ticket}")

    def client(self, service: str, user: UserId) -> httpx.AsyncClient:
        if (service, user) not in self._clients:
            self._clients[service, user] = self.services[service].client(user)
        return self._clients[service, user]

    async def _does(self, service: str, user: UserId, path: str, body: dict[str, Any]) -> str:
        answer = await self.client(service, user).post(path, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


@asynccontextmanager
async def a_marketplace(surroundings: Surroundings) -> AsyncIterator[Marketplace]:
    consuming = [spec.name for spec in SERVICES if spec.consumers]
    async with running(surroundings, *consuming) as services, an_operator(surroundings) as connection:
        yield Marketplace(connection, services, somebody(), somebody())
