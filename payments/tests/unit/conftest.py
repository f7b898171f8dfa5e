import pytest
from payments.tests.fake_gateway import FakeGateway
from payments.tests.use_cases import OrderEvents, use_cases

from common.domain.ids import new_id
from common.storage.collection import Database
from devkit.testing.clock import SettableClock
from devkit.testing.in_memory import in_memory_database
from devkit.testing.samples import order_events
from payments.service import PaymentService


@pytest.fixture
def database() -> Database:
    return in_memory_database("payments")


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def payments(database: Database, gateway: FakeGateway, clock: SettableClock) -> PaymentService:
    return await use_cases(database, gateway, clock)


@pytest.fixture
async def order(payments: PaymentService) -> OrderEvents:
    """The three possible events of an open order. The service payments knows the first."""
    events = order_events(new_id())
    await payments.close_payment(events[0])
    return events
