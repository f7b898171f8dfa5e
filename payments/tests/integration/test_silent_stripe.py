"""The answer to a buyer while Stripe accepts requests and does not answer."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from payments.tests.checkout import Checkout, Start, problem
from pydantic import SecretStr

from devkit.servers import free_port
from devkit.testing.clock import SettableClock
from devkit.testing.running import Surroundings
from payments.consumers import CONSUMERS
from payments.main import create_app
from payments.settings import PaymentsSettings

# Stripe's SDK (16.1) hands its forms to httpx in a way that httpx discourages; the driver for MongoDB has no part here.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
    pytest.mark.parametrize("driver", ["motor"]),
]


@pytest.fixture
async def silent_stripe() -> AsyncIterator[str]:
    """Accepts connections, reads, and sends nothing."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    port = free_port()
    server = await asyncio.start_server(take, "127.0.0.1", port)
    yield f"http://127.0.0.1:{port}"
    server.close()


@pytest.fixture
def start(surroundings: Surroundings, clock: SettableClock, silent_stripe: str) -> Start:
    settings = surroundings.settings(
        PaymentsSettings, "payments", stripe_key=SecretStr("sk_test_1"), stripe_api_base=silent_stripe
    )
    return lambda: surroundings.running(
        lambda: create_app(settings, clock=clock, policy=surroundings.policy), CONSUMERS
    )


@pytest.mark.slow
async def test_the_answer_says_that_a_payment_of_unknown_outcome_is_finished_later(
    checkout: Checkout,
) -> None:
    """The call of Stripe must time out before the whole request does.

    Otherwise the answer would say only that the outcome is unknown, and not that the payment is finished later.
    """
    answer = await checkout.pay()
    assert problem(answer) == (503, "dependency-unavailable")
    assert "will be completed or refunded automatically" in answer.json()["detail"]
    (listed,) = await checkout.listed()
    assert listed["status"] == "pending"
