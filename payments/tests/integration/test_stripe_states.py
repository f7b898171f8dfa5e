"""Intents and refunds that Stripe accepts and does not finish in its first answer."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from common.domain.ids import PaymentId
from payments.gateway.protocol import CardDeclined, ChargeId, GatewayUnavailable, RefundId, UnknownCharge
from payments.gateway.stripe_gateway import StripeGateway

# Stripe's SDK (16.1) hands its forms to httpx in a way that httpx discourages.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

PAYMENT = PaymentId("65f0c0ffee65f0c0ffee65f0")
CHARGE = ChargeId("pi_1")

Answers = dict[str, tuple[int, object]]


@pytest.fixture
def answers() -> Answers:
    """The server's answers, which the test sets."""
    return {}


@pytest.fixture
async def gateway(answers: Answers) -> AsyncIterator[StripeGateway]:
    async def answer(request: web.Request) -> web.Response:
        status, body = answers[f"{request.method} {request.path_qs}"]
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        gateway = StripeGateway("sk_test_1", api_base=str(server.make_url("/")))
        yield gateway
        await gateway.close()


def intent(status: str) -> tuple[int, object]:
    return 200, {"object": "payment_intent", "id": CHARGE, "status": status}


def refund(status: str) -> dict[str, str]:
    return {"object": "refund", "id": "re_1", "status": status}


async def charge(gateway: StripeGateway) -> ChargeId:
    return await gateway.charge(payment_id=PAYMENT, amount=1999, token="pm_card_visa")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("requires_action", "authentication_required"),
        ("requires_payment_method", "card_declined"),
        ("requires_confirmation", "card_declined"),
        ("canceled", "card_declined"),
    ],
)
async def test_an_intent_that_charged_nothing_is_a_decline(
    gateway: StripeGateway, answers: Answers, status: str, code: str
) -> None:
    answers["POST /v1/payment_intents"] = intent(status)

    with pytest.raises(CardDeclined) as declined:
        await charge(gateway)

    assert declined.value.code == code


async def test_an_intent_that_was_still_processing_is_looked_up(gateway: StripeGateway, answers: Answers) -> None:
    answers["POST /v1/payment_intents"] = intent("processing")
    answers["GET /v1/payment_intents/pi_1"] = intent("succeeded")

    assert await charge(gateway) == CHARGE


@pytest.mark.parametrize("status", ["processing", "a_state_of_the_future"])
async def test_an_intent_that_stripe_has_not_decided_is_no_decline(
    gateway: StripeGateway, answers: Answers, status: str
) -> None:
    answers["POST /v1/payment_intents"] = intent(status)
    answers["GET /v1/payment_intents/pi_1"] = intent(status)

    with pytest.raises(GatewayUnavailable, match=f"the PaymentIntent is {status}"):
        await charge(gateway)


@pytest.mark.parametrize("status", ["succeeded", "pending"])
async def test_a_refund_that_stripe_has_accepted_is_done(gateway: StripeGateway, answers: Answers, status: str) -> None:
    answers["POST /v1/refunds"] = 200, refund(status)

    assert await gateway.refund(payment_id=PAYMENT, charge_id=CHARGE) == RefundId("re_1")


async def test_a_charge_that_was_refunded_by_hand_counts_as_refunded(gateway: StripeGateway, answers: Answers) -> None:
    answers["POST /v1/refunds"] = 400, {"error": {"code": "charge_already_refunded", "message": "Charge ch_1 has …"}}
    answers["GET /v1/refunds?payment_intent=pi_1&limit=1"] = 200, {"object": "list", "data": [refund("succeeded")]}

    assert await gateway.refund(payment_id=PAYMENT, charge_id=CHARGE) == RefundId("re_1")


@pytest.mark.parametrize("status", ["failed", "canceled"])
async def test_a_refund_that_failed_is_not_done_and_says_what_to_do(
    gateway: StripeGateway, answers: Answers, status: str
) -> None:
    answers["POST /v1/refunds"] = 200, refund(status)

    with pytest.raises(GatewayUnavailable, match=f"re_1 is {status}. Refund by hand"):
        await gateway.refund(payment_id=PAYMENT, charge_id=CHARGE)


async def test_a_refund_of_a_charge_that_this_account_has_not_made_is_refused(
    gateway: StripeGateway, answers: Answers
) -> None:
    answers["POST /v1/refunds"] = 404, {"error": {"code": "resource_missing", "param": "payment_intent"}}

    with pytest.raises(UnknownCharge, match="no charge pi_1"):
        await gateway.refund(payment_id=PAYMENT, charge_id=CHARGE)


async def test_a_refund_that_stripe_does_not_allow_gives_its_reason(gateway: StripeGateway, answers: Answers) -> None:
    answers["POST /v1/refunds"] = 400, {"error": {"code": "charge_disputed", "message": "Charge ch_1 is disputed."}}

    with pytest.raises(GatewayUnavailable, match=r"refuses the request: Charge ch_1 is disputed\."):
        await gateway.refund(payment_id=PAYMENT, charge_id=CHARGE)
