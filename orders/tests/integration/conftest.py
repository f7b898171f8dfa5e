from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from common.domain.clock import Clock, utc_now
from common.domain.ids import UserId
from common.events.tickets import TicketCreated
from devkit.testing.running import RunningService, Surroundings, somebody
from devkit.testing.samples import listed_ticket
from orders.consumers import CONSUMERS
from orders.main import create_app
from orders.service import OrderService
from orders.settings import OrdersSettings


@pytest.fixture
def new_instance(surroundings: Surroundings) -> Callable[[Clock], Callable[[], FastAPI]]:
    """Creates one more instance of orders, with a clock of its own. All instances share one database."""
    settings = surroundings.settings(OrdersSettings, "orders")
    return lambda clock: lambda: create_app(settings, clock=clock, policy=surroundings.policy)


@pytest.fixture
async def running(
    surroundings: Surroundings, new_instance: Callable[[Clock], Callable[[], FastAPI]]
) -> AsyncIterator[RunningService]:
    async with surroundings.running(new_instance(utc_now), CONSUMERS) as running:
        yield running


@pytest.fixture
async def later(
    surroundings: Surroundings, new_instance: Callable[[Clock], Callable[[], FastAPI]], running: RunningService
) -> AsyncIterator[RunningService]:
    """An instance whose clock is 15 minutes ahead: every open order is overdue, and not yet expired."""
    async with surroundings.running(new_instance(lambda: utc_now() + timedelta(minutes=15)), CONSUMERS) as later:
        yield later


@pytest.fixture
def orders(running: RunningService) -> OrderService:
    use_cases: OrderService = running.use_cases
    return use_cases


@pytest.fixture
def buyer() -> UserId:
    return somebody()


@pytest.fixture
def buying(running: RunningService, buyer: UserId) -> httpx.AsyncClient:
    """A client that is signed in as the buyer."""
    return running.client(buyer)


@pytest.fixture
async def ticket(orders: OrderService) -> TicketCreated:
    """A ticket that is listed and known to orders."""
    ticket = listed_ticket()
    await orders.follow_ticket(ticket)
    return ticket
