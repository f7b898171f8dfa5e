"""What each of Stripe's answers, and each way of getting none, says about the money: over HTTP, from a scripted server.

localstripe knows no idempotency keys and hardly any errors; this server says what Stripe's documentation shows.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from common.domain.ids import PaymentId
from payments.gateway.protocol import (
    CardDeclined,
    ChargeId,
    GatewayUnavailable,
    IdempotencyConflict,
    UnknownToken,
)
from payments.gateway.stripe_gateway import MAX_NETWORK_RETRIES, StripeGateway

# Stripe's SDK (16.1) hands its forms to httpx in a way that httpx discourages.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
PAYMENT = PaymentId("65f0c0ffee65f0c0ffee65f0")
CHARGE = ChargeId("pi_1")
JSON = dict[str, object]

SUCCEEDED: JSON = {"object": "payment_intent", "id": CHARGE, "status": "succeeded"}
SILENCE = "silence"
BROKEN_CONNECTION = "broken connection"


def error(status: int, **what: object) -> tuple[int, JSON]:
    return status, {"error": {"type": "invalid_request_error", **what}}


@dataclass
class ScriptedStripe:
    """Gives the answers of its script, one per request, and then repeats the last one. Records the requests."""

    script: list[JSON | list[object] | str | tuple[int, JSON | str]] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    test_is_over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def keys(self) -> list[str]:
        return [key for _, key, _ in self.requests]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.requests.append((f"{request.method} {request.path_qs}", request.headers.get("Idempotency-Key", ""), form))
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if answer == SILENCE:
            await self.test_is_over.wait()
        if answer == BROKEN_CONNECTION and request.transport:
            request.transport.close()
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        headers = {"Request-Id": "req_7"}
        if isinstance(body, str):
            return web.Response(status=status, text=body, headers=headers)
        return web.json_response(body, status=status, headers=headers)


@pytest.fixture
def scripted() -> ScriptedStripe:
    return ScriptedStripe()


@pytest.fixture
async def url(scripted: ScriptedStripe) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", scripted.answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))
        scripted.test_is_over.set()


@pytest.fixture
async def gateway(url: str) -> AsyncIterator[StripeGateway]:
    gateway = StripeGateway(KEY, api_base=url, timeout_seconds=5)
    yield gateway
    await gateway.close()


async def charge(gateway: StripeGateway) -> ChargeId:
    return await gateway.charge(payment_id=PAYMENT, amount=1999, token="pm_card_visa")


@pytest.mark.parametrize(
    ("token", "card"),
    [
        ("pm_card_visa", {"payment_method": "pm_card_visa"}),
        ("tok_visa", {"payment_method_data[type]": "card", "payment_method_data[card][token]": "tok_visa"}),
    ],
)
async def test_a_charge_is_one_confirmed_intent_with_the_payments_id(
    gateway: StripeGateway, scripted: ScriptedStripe, token: str, card: dict[str, str]
) -> None:
    scripted.script = [SUCCEEDED]

    assert await gateway.charge(payment_id=PAYMENT, amount=1999, token=token) == CHARGE

    form = {
        "amount": "1999",
        "currency": "usd",
        "confirm": "true",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
        "metadata[payment_id]": PAYMENT,
        **card,
    }
    assert scripted.requests == [("POST /v1/payment_intents", PAYMENT, form)]


@pytest.mark.parametrize(
    ("details", "code"),
    [
        ({"code": "card_declined", "decline_code": "insufficient_funds"}, "insufficient_funds"),
        ({"code": "card_declined", "decline_code": "generic_decline"}, "card_declined"),
        ({"code": "expired_card"}, "expired_card"),
        ({}, "card_declined"),
    ],
)
async def test_a_decline_has_stripes_message_also_when_it_is_repeated(
    gateway: StripeGateway, scripted: ScriptedStripe, details: JSON, code: str
) -> None:
    scripted.script = [error(402, message="No, thank you.", **{**details, "type": "card_error"})]

    for _ in range(2):
        with pytest.raises(CardDeclined) as declined:
            await charge(gateway)
        assert (declined.value.reason, declined.value.code) == ("No, thank you.", code)

    assert scripted.keys == [PAYMENT, PAYMENT], "a decline is not retried by itself, and asked for under one key"


async def test_an_amount_that_stripe_refuses_is_a_decline_with_stripes_message(
    gateway: StripeGateway, scripted: ScriptedStripe
) -> None:
    scripted.script = [error(400, code="amount_too_small", param="amount", message="Amount must be at least $0.50 usd")]

    with pytest.raises(CardDeclined, match=r"at least \$0.50 usd \(amount_too_small\)"):
        await charge(gateway)


@pytest.mark.parametrize(
    "details",
    [
        {"code": "resource_missing", "param": "payment_method", "message": "No such PaymentMethod: 'pm_x'"},
        {"code": "resource_missing", "param": "payment_method_data[card][token]", "message": "No such token: 'tok_x'"},
        {"code": "resource_missing", "param": "source", "message": "No such token: 'tok_x'"},
        {"param": "payment_method", "message": "Invalid string: tok_x"},
        {"code": "token_already_used", "message": "You cannot use a Stripe token more than once: tok_x."},
        {"message": "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment"},
    ],
)
async def test_an_unknown_or_used_token_is_unknown(
    gateway: StripeGateway, scripted: ScriptedStripe, details: JSON
) -> None:
    scripted.script = [error(400, **details)]

    with pytest.raises(UnknownToken) as unknown:
        await gateway.charge(payment_id=PAYMENT, amount=1999, token="tok_x")

    assert unknown.value.token == "tok_x"


async def test_one_payment_id_for_two_different_charges_is_a_conflict(
    gateway: StripeGateway, scripted: ScriptedStripe
) -> None:
    scripted.script = [error(400, type="idempotency_error", message="Keys for idempotent requests can only be used …")]

    with pytest.raises(IdempotencyConflict, match=PAYMENT):
        await charge(gateway)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (error(401, message="Invalid API Key provided: sk_test_********7dc"), r"refuses STRIPE_KEY. .*\[req_7\]"),
        (error(403, message="The provided key 'rk_***7dc' does not have …"), "STRIPE_KEY lacks permissions"),
        (error(429, code="rate_limit", message="Too many requests"), "more requests than it allows"),
        (
            error(400, code="payment_method_types_no_longer_supported", param="payment_method_types", message="Gone."),
            r"refuses the request: Gone. \[req_7\]",
        ),
        (error(500, type="api_error", message="Oops"), r"an error \(status 500\).* \[req_7\]"),
        (error(409, code="idempotency_key_in_use", message="In progress"), "status 409"),
        ((502, "<html>Bad Gateway</html>"), "status 502"),
        ((502, {"error": "bad gateway"}), "cannot be read"),
        ("<html>Welcome to nginx!</html>", "status 200"),
        ({}, "cannot be read"),
        ([], "cannot be read"),
        (BROKEN_CONNECTION, r"cannot be reached \((RemoteProtocolError|ReadError)\)"),
    ],
)
async def test_an_answer_without_a_result_leaves_the_outcome_unknown(
    gateway: StripeGateway, scripted: ScriptedStripe, answer: tuple[int, JSON], reason: str
) -> None:
    scripted.script = [answer]

    with pytest.raises(GatewayUnavailable, match=reason) as unavailable:
        await charge(gateway)

    assert "7dc" not in unavailable.value.reason
    assert set(scripted.keys) == {PAYMENT}
    assert len(scripted.keys) <= 1 + MAX_NETWORK_RETRIES


@pytest.mark.parametrize("trouble", [BROKEN_CONNECTION, error(500, type="api_error", message="Oops")])
async def test_a_transient_failure_is_retried_with_the_same_key(
    gateway: StripeGateway, scripted: ScriptedStripe, trouble: tuple[int, JSON]
) -> None:
    scripted.script = [trouble, SUCCEEDED]

    assert await charge(gateway) == CHARGE
    assert scripted.keys == [PAYMENT, PAYMENT]


async def test_a_call_that_stripe_does_not_answer_times_out(url: str, scripted: ScriptedStripe) -> None:
    scripted.script = [SILENCE]
    gateway = StripeGateway(KEY, api_base=url, timeout_seconds=0.2)

    async with asyncio.timeout(2):
        with pytest.raises(GatewayUnavailable, match=r"did not answer within 0.2 s"):
            await charge(gateway)
        with pytest.raises(GatewayUnavailable, match=r"did not answer within 0.2 s"):
            await gateway.refund(payment_id=PAYMENT, charge_id=CHARGE)

    assert scripted.keys == [PAYMENT, f"refund:{PAYMENT}"]
    await gateway.close()
