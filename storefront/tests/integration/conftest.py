import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI
from storefront.tests.live_page import Shop, serving

from devkit.testing.interception import WRITES, InterceptedCollection, Operation
from devkit.testing.running import Surroundings
from storefront.consumers import CONSUMERS
from storefront.live.limits import Limits
from storefront.main import create_app
from storefront.settings import StorefrontSettings

OpenShop = Callable[..., AbstractAsyncContextManager[Shop]]


class Copies:
    """The copies of the tickets. A test can hold them, so that they do not get the events that arrive."""

    def __init__(self) -> None:
        self._may_change = asyncio.Event()
        self._may_change.set()

    def hold(self) -> None:
        self._may_change.clear()

    def release(self) -> None:
        self._may_change.set()

    async def around(self, name: str, operation: Operation) -> Any:
        if name in WRITES:
            await self._may_change.wait()
        return await operation()


@pytest.fixture
def ticket_copies() -> Copies:
    return Copies()


@asynccontextmanager
async def open_shop_in(
    surroundings: Surroundings, ticket_copies: Copies, limits: Limits | None = None
) -> AsyncIterator[Shop]:
    settings = surroundings.settings(StorefrontSettings, "storefront")

    def create() -> FastAPI:
        app = create_app(settings, policy=surroundings.policy, limits=limits)
        tickets = app.state.dependencies.use_cases._tickets
        tickets.collection = InterceptedCollection(tickets.collection, ticket_copies.around)
        return app

    async with surroundings.running(create, CONSUMERS) as running, serving(running) as shop:
        yield shop


@pytest.fixture
def open_shop(surroundings: Surroundings, ticket_copies: Copies) -> OpenShop:
    """Runs one more instance of storefront. All instances share one database."""
    return partial(open_shop_in, surroundings, ticket_copies)


@pytest.fixture
async def shop(open_shop: OpenShop) -> AsyncIterator[Shop]:
    async with open_shop() as shop:
        await shop.eventually_caught_up()
        yield shop
