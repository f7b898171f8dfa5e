"""Intents and refunds that Stripe accepts and does not finish in its first answer."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from common.domain.ids import PaymentId
from payments.gateway.protocol import CardDeclined, ChargeId, GatewayUnavailable, RefundId, RefundRefused, UnknownCharge
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
        return web.json_response(body, status=status, headers={"Stripe-Should-Retry": "false"})

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


def refusal(status: int, code: str, error_type: str = "invalid_request_error") -> tuple[int, object]:
    return status, {"error": {"type": error_type, "code": code, "message": "Stripe's reason."}}


NEVER = "Stripe refuses this refund"
LATER = "refuses the request"


@pytest.mark.parametrize(
    ("answer", "expected", "reason"),
    [
        (refusal(400, "charge_disputed"), RefundRefused, rf"{NEVER} \(charge_disputed\): Stripe's reason\."),
        (refusal(400, "refund_disputed_payment"), RefundRefused, NEVER),
        (refusal(400, "charge_not_refundable"), RefundRefused, NEVER),
        (refusal(400, "amount_too_large"), RefundRefused, NEVER),
        (refusal(400, "a_code_of_the_future"), RefundRefused, NEVER),
        (refusal(402, "expired_card", "card_error"), RefundRefused, NEVER),
        (refusal(404, "resource_missing"), UnknownCharge, "no charge pi_1"),
        ((200, refund("failed")), RefundRefused, "re_1 is failed. Refund by hand"),
        ((200, refund("canceled")), RefundRefused, "re_1 is canceled. Refund by hand"),
        (refusal(400, "balance_insufficient"), GatewayUnavailable, LATER),
        (refusal(400, "lock_timeout"), GatewayUnavailable, LATER),
        (refusal(400, "idempotency_key_in_use"), GatewayUnavailable, LATER),
        (refusal(400, "rate_limit"), GatewayUnavailable, "more requests than it allows"),
        (refusal(429, "lock_timeout"), GatewayUnavailable, "more requests than it allows"),
        (refusal(409, "idempotency_key_in_use"), GatewayUnavailable, "status 409"),
        (refusal(401, "api_key_expired"), GatewayUnavailable, "refuses STRIPE_KEY"),
        (refusal(403, "more_permissions_required"), GatewayUnavailable, "STRIPE_KEY lacks permissions"),
        (refusal(500, "", "api_error"), GatewayUnavailable, "status 500"),
        (refusal(503, "charge_disputed"), GatewayUnavailable, "status 503"),
    ],
)
async def test_only_a_refund_that_can_never_succeed_is_refused_for_good(
    gateway: StripeGateway, answers: Answers, answer: tuple[int, object], expected: type[Exception], reason: str
) -> None:
    answers["POST /v1/refunds"] = answer

    with pytest.raises(expected, match=reason):
        await gateway.refund(payment_id=PAYMENT, charge_id=CHARGE)
