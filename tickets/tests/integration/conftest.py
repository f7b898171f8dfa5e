from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from fastapi import FastAPI

from common.domain.ids import UserId
from devkit.testing.running import RunningService, Surroundings, somebody
from tickets.consumers import CONSUMERS
from tickets.main import create_app
from tickets.service import TicketService
from tickets.settings import TicketsSettings
from tickets.ticket import Ticket


@pytest.fixture
def new_instance(surroundings: Surroundings) -> Callable[[], FastAPI]:
    """Creates one more instance of tickets. All instances share one database."""
    settings = surroundings.settings(TicketsSettings, "tickets")
    return lambda: create_app(settings, policy=surroundings.policy)


@pytest.fixture
async def running(surroundings: Surroundings, new_instance: Callable[[], FastAPI]) -> AsyncIterator[RunningService]:
    async with surroundings.running(new_instance, CONSUMERS) as running:
        yield running


@pytest.fixture
async def second_instance(
    surroundings: Surroundings, new_instance: Callable[[], FastAPI], running: RunningService
) -> AsyncIterator[RunningService]:
    async with surroundings.running(new_instance, CONSUMERS) as second:
        yield second


@pytest.fixture
def tickets(running: RunningService) -> TicketService:
    use_cases: TicketService = running.use_cases
    return use_cases


@pytest.fixture
def seller() -> UserId:
    return somebody()


@pytest.fixture
def selling(running: RunningService, seller: UserId) -> httpx.AsyncClient:
    """A client that is signed in as the seller of the ticket."""
    return running.client(seller)


@pytest.fixture
def anybody(running: RunningService) -> httpx.AsyncClient:
    """A client that is not signed in."""
    return running.client()


@pytest.fixture
async def ticket(tickets: TicketService, seller: UserId) -> Ticket:
    return await tickets.list_ticket(seller=seller, title="Concert", price=1999)
