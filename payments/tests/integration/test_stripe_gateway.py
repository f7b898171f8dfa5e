"""The Stripe adapter against localstripe, an emulator that keeps real intents, charges and refunds, over HTTP."""

import asyncio
import logging
import sys
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.domain.ids import PaymentId, new_id
from devkit.servers.ports import free_port
from payments.gateway.protocol import CardDeclined, GatewayUnavailable
from payments.gateway.stripe_gateway import StripeGateway

# Stripe's SDK (16.1) hands its forms to httpx in a way that httpx discourages.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"


@pytest.fixture(scope="module")
async def localstripe() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, Path(__file__).with_name("run_localstripe.py"), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    port = (await process.stdout.readline()).decode().strip()
    assert port, "localstripe died while starting; its complaint is on stderr"
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    await process.wait()


@pytest.fixture
async def gateway(localstripe: str) -> AsyncIterator[StripeGateway]:
    gateway = StripeGateway(KEY, api_base=localstripe, currency="eur")
    yield gateway
    await gateway.close()


@pytest.fixture
async def stripe_api(localstripe: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the emulator, to check the money and to prepare cards."""
    async with httpx.AsyncClient(base_url=localstripe, auth=(KEY, "")) as client:
        yield client


@pytest.fixture
def payment_id() -> PaymentId:
    return PaymentId(new_id())


async def stored(stripe_api: httpx.AsyncClient, path: str) -> dict[str, Any]:
    answer = (await stripe_api.get(path)).raise_for_status()
    document: dict[str, Any] = answer.json()
    return document


async def test_a_good_card_is_charged_the_whole_amount(
    gateway: StripeGateway, stripe_api: httpx.AsyncClient, payment_id: PaymentId
) -> None:
    charge_id = await gateway.charge(payment_id=payment_id, amount=1999, token="pm_card_visa")

    intent = await stored(stripe_api, f"/v1/payment_intents/{charge_id}")
    assert (intent["status"], intent["amount"], intent["currency"]) == ("succeeded", 1999, "eur")
    assert intent["metadata"] == {"payment_id": payment_id}, "the operator finds the charge by the payment's id"


async def test_a_charge_is_refunded_whole(
    gateway: StripeGateway, stripe_api: httpx.AsyncClient, payment_id: PaymentId
) -> None:
    charge_id = await gateway.charge(payment_id=payment_id, amount=1999, token="pm_card_visa")

    refund_id = await gateway.refund(payment_id=payment_id, charge_id=charge_id)

    refund = await stored(stripe_api, f"/v1/refunds/{refund_id}")
    assert (refund["status"], refund["amount"], refund["payment_intent"]) == ("succeeded", 1999, charge_id)
    assert refund["metadata"] == {"payment_id": payment_id}


async def test_a_card_that_fails_when_charged_is_declined(gateway: StripeGateway, payment_id: PaymentId) -> None:
    with pytest.raises(CardDeclined) as declined:
        await gateway.charge(payment_id=payment_id, amount=1999, token="pm_card_chargeCustomerFail")

    assert (declined.value.reason, declined.value.code) == ("Your card was declined.", "card_declined")


async def test_a_card_that_requires_authentication_is_declined(
    gateway: StripeGateway, stripe_api: httpx.AsyncClient, payment_id: PaymentId
) -> None:
    card = {"number": "4000002760003184", "exp_month": "12", "exp_year": "2030", "cvc": "123"}
    made = await stripe_api.post("/v1/payment_methods", json={"type": "card", "card": card})

    with pytest.raises(CardDeclined) as declined:
        await gateway.charge(payment_id=payment_id, amount=1999, token=made.raise_for_status().json()["id"])

    assert declined.value.code == "authentication_required"
    assert "requires authentication" in declined.value.reason


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("pk_test_4eC39HqLyjWDarjtT1zdp7dc", "Stripe refuses STRIPE_KEY"),
        ("sk_test_4eC39HqLyjWDarjtT1zdp7dc\n", r"Stripe cannot be reached \(LocalProtocolError\)"),
    ],
)
async def test_a_refused_key_is_not_shown_even_in_a_traceback_with_locals(
    localstripe: str, payment_id: PaymentId, key: str, reason: str
) -> None:
    gateway = StripeGateway(key, api_base=localstripe)

    with pytest.raises(GatewayUnavailable, match=reason) as refused:
        await gateway.charge(payment_id=payment_id, amount=1999, token="pm_card_visa")

    assert refused.tb.tb_next, "below the frame of this test, which holds the key, are those of the adapter"
    below = refused.value.with_traceback(refused.tb.tb_next)
    report = "".join(traceback.TracebackException.from_exception(below, capture_locals=True, compact=True).format())
    assert "payment_id = " in report, "local variables are shown"
    assert "4eC39" not in report
    await gateway.close()


async def test_a_stripe_that_cannot_be_reached_means_that_the_outcome_is_unknown(payment_id: PaymentId) -> None:
    gateway = StripeGateway(KEY, api_base=f"http://127.0.0.1:{free_port()}")

    with pytest.raises(GatewayUnavailable, match=r"cannot be reached \(ConnectError\)"):
        await gateway.charge(payment_id=payment_id, amount=1999, token="pm_card_visa")

    await gateway.close()


async def test_the_key_is_in_no_log_and_no_repr(
    gateway: StripeGateway, payment_id: PaymentId, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    await gateway.charge(payment_id=payment_id, amount=1999, token="pm_card_visa")
    with pytest.raises(CardDeclined):
        await gateway.charge(payment_id=PaymentId(new_id()), amount=1999, token="pm_card_chargeCustomerFail")

    assert "/v1/payment_intents" in caplog.text, "the libraries did log the calls"
    assert KEY not in caplog.text
    assert KEY not in f"{gateway!r} {vars(gateway)!r}"
