from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated, OrderedTicket, OrderStatus
from common.ids import OrderId, TicketId, new_id
from common.testing.running import RunningService, Surroundings, somebody
from tickets.consumers import CONSUMERS
from tickets.main import create_app
from tickets.service import TicketService
from tickets.settings import TicketsSettings
from tickets.ticket import Ticket


@pytest.fixture
async def running(surroundings: Surroundings) -> AsyncIterator[RunningService]:
    settings = surroundings.settings(TicketsSettings, "tickets")
    async with surroundings.running(lambda: create_app(settings, policy=surroundings.policy), CONSUMERS) as running:
        yield running


@pytest.fixture
def tickets(running: RunningService) -> TicketService:
    return running.state("tickets")


@pytest.fixture
async def ticket(tickets: TicketService) -> Ticket:
    return await tickets.list_ticket(seller=somebody(), title="Concert", price=1999)
