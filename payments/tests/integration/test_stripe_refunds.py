"""Refunds that Stripe refuses, or whose answers are lost. The server has one per idempotency key, as Stripe."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from payments.tests.checkout import Checkout
from structlog.testing import capture_logs

from common.domain.ids import PaymentId, new_id
from common.messaging.dead_letters import CONSUMER, REASON
from common.messaging.replay import REPLAYED, replay_subject
from payments.gateway.protocol import ChargeId, GatewayUnavailable
from payments.gateway.stripe_gateway import StripeGateway

# Stripe's SDK (16.1) hands its forms to httpx in a way that httpx discourages.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

CHARGE = ChargeId("pi_1")


@dataclass
class RefundingStripe:
    """Makes one refund per idempotency key, and answers a known key with its refund."""

    refunds: dict[str, dict[str, str]] = field(default_factory=dict)
    loses_answers: bool = False
    disputed: bool = False
    """It refuses every refund, because the buyer disputes the charge."""
    during_the_charge: Callable[[], Awaitable[None]] | None = None
    test_is_over: asyncio.Event = field(default_factory=asyncio.Event)

    async def charge(self, _request: web.Request) -> web.Response:
        if self.during_the_charge:
            await self.during_the_charge()
        return web.json_response({"object": "payment_intent", "id": CHARGE, "status": "succeeded"})

    async def refund(self, request: web.Request) -> web.Response:
        if self.disputed:
            refusal = {"type": "invalid_request_error", "code": "charge_disputed", "message": "It is disputed."}
            return web.json_response({"error": refusal}, status=400)
        key = request.headers["Idempotency-Key"]
        made = {"object": "refund", "id": f"re_{len(self.refunds) + 1}", "status": "succeeded"}
        refund = self.refunds.setdefault(key, made)
        if self.loses_answers:
            await self.test_is_over.wait()
        return web.json_response(refund)


@pytest.fixture
def stripe() -> RefundingStripe:
    return RefundingStripe()


@pytest.fixture
async def gateway(stripe: RefundingStripe) -> AsyncIterator[StripeGateway]:
    app = web.Application()
    app.router.add_post("/v1/payment_intents", stripe.charge)
    app.router.add_post("/v1/refunds", stripe.refund)
    async with TestServer(app) as server:
        gateway = StripeGateway("sk_test_1", api_base=str(server.make_url("/")), timeout_seconds=1)
        yield gateway
        stripe.test_is_over.set()
        await gateway.close()


async def test_a_refund_whose_answer_was_lost_is_repeated_and_made_once(
    gateway: StripeGateway, stripe: RefundingStripe
) -> None:
    payment = PaymentId(new_id())
    stripe.loses_answers = True
    with pytest.raises(GatewayUnavailable):
        await gateway.refund(payment_id=payment, charge_id=CHARGE)

    stripe.loses_answers = False
    refund = await gateway.refund(payment_id=payment, charge_id=CHARGE)

    assert [made["id"] for made in stripe.refunds.values()] == [refund], "one refund, the one that was made first"


async def test_refunds_of_two_payments_are_two_refunds(gateway: StripeGateway, stripe: RefundingStripe) -> None:
    refunds = [await gateway.refund(payment_id=PaymentId(new_id()), charge_id=CHARGE) for _ in range(2)]

    assert refunds == ["re_1", "re_2"]


async def test_a_disputed_charge_is_a_case_for_a_person_and_can_be_refunded_later(
    checkout: Checkout, stripe: RefundingStripe
) -> None:
    payment = (await checkout.pay()).json()
    stripe.disputed = True
    await checkout.deliver(checkout.cancelled)
    (letter,) = await checkout.streams.dead_letters()
    assert "charge_disputed" in letter.headers[REASON]
    with capture_logs() as logs:
        await checkout.recover()
    assert [line["payment"] for line in logs if "needs a person" in line["event"]] == [payment["id"]]

    stripe.disputed = False  # the buyer has withdrawn the dispute
    replayed = await checkout.streams.broker.client.request(
        replay_subject(letter.headers[CONSUMER]), letter.data, timeout=5, headers=letter.headers
    )

    assert replayed.data == REPLAYED
    assert [listed["status"] for listed in await checkout.listed()] == ["refunded"]
    assert list(stripe.refunds) == [f"refund:{payment['id']}"]


async def test_a_buyer_whose_refund_is_refused_learns_that_a_person_will_look_at_it(
    checkout: Checkout, stripe: RefundingStripe
) -> None:
    async def cancel() -> None:
        await checkout.deliver(checkout.cancelled)

    stripe.disputed, stripe.during_the_charge = True, cancel
    answer = await checkout.pay()
    assert answer.status_code == 409
    assert "A person will look at it" in answer.json()["detail"]
