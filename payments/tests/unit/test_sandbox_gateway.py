"""The sandbox, one call at a time, on a database in memory. For concurrency, see tests/integration."""

import pytest
from fastapi.routing import APIRoute
from payments.tests.sandboxes import sandbox

from common.domain.ids import PaymentId, new_id
from common.storage.collection import Database
from devkit.testing.in_memory import in_memory_database
from payments.gateway.protocol import (
    CardDeclined,
    ChargeId,
    GatewayUnavailable,
    IdempotencyConflict,
    PaymentGateway,
    UnknownCharge,
    UnknownToken,
)
from payments.gateway.sandbox_cards import APPROVED_TOKENS, DECLINED_TOKENS, NO_ANSWER, SLOW, SLOW_SECONDS
from payments.routes import idempotent


@pytest.fixture
def database() -> Database:
    return in_memory_database("payments")


@pytest.fixture
def gateway(database: Database) -> PaymentGateway:
    return sandbox(database)


@pytest.fixture
def payment_id() -> PaymentId:
    return PaymentId(new_id())


@pytest.mark.parametrize(
    "token", ["pm_card_visa", "pm_card_mastercard", "pm_card_amex", "tok_visa", "tok_mastercard", "tok_visa_debit"]
)
async def test_a_good_card_is_charged(
    gateway: PaymentGateway, database: Database, payment_id: PaymentId, token: str
) -> None:
    charge_id = await gateway.charge(payment_id=payment_id, amount=1999, token=token)

    assert charge_id.startswith("ch_sandbox_")
    assert await database["sandbox_charges"].find_one({"_id": payment_id}) == {
        "_id": payment_id,
        "request": {"amount": 1999, "currency": "usd", "token": token},
        "outcome": {"charge_id": charge_id},
    }


@pytest.mark.parametrize(
    ("token", "code", "reason"),
    [
        ("pm_card_chargeDeclined", "card_declined", "Your card was declined."),
        ("tok_chargeDeclined", "card_declined", "Your card was declined."),
        ("pm_card_visa_chargeDeclined", "card_declined", "Your card was declined."),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds", "Your card has insufficient funds."),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds", "Your card has insufficient funds."),
        ("tok_chargeDeclinedExpiredCard", "expired_card", "Your card has expired."),
        ("tok_chargeDeclinedIncorrectCvc", "incorrect_cvc", "Your card's security code is incorrect."),
        ("pm_card_chargeDeclinedLostCard", "lost_card", "Your card was declined."),
        (
            "pm_card_chargeDeclinedProcessingError",
            "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
        ),
        (
            "pm_card_authenticationRequired",
            "authentication_required",
            "Your card was declined. This transaction requires authentication.",
        ),
    ],
)
async def test_a_bad_card_is_declined_with_stripes_code_and_message(
    gateway: PaymentGateway, payment_id: PaymentId, token: str, code: str, reason: str
) -> None:
    with pytest.raises(CardDeclined) as declined:
        await gateway.charge(payment_id=payment_id, amount=1999, token=token)

    assert (declined.value.code, declined.value.reason) == (code, reason)


@pytest.mark.parametrize("token", sorted(DECLINED_TOKENS))
async def test_no_declined_card_can_be_refunded(
    gateway: PaymentGateway, database: Database, payment_id: PaymentId, token: str
) -> None:
    with pytest.raises(CardDeclined):
        await gateway.charge(payment_id=payment_id, amount=1999, token=token)
    with pytest.raises(UnknownCharge):
        await gateway.refund(payment_id=payment_id, charge_id=ChargeId("ch_sandbox_none"))
    assert await database["sandbox_refunds"].count_documents({}) == 0


@pytest.mark.parametrize("token", ["", "pm_card_vis", "tok_", "visa", "pm_card_tok_visa", "4242424242424242"])
async def test_an_unknown_token_is_refused_and_stores_nothing(
    gateway: PaymentGateway, database: Database, payment_id: PaymentId, token: str
) -> None:
    with pytest.raises(UnknownToken) as unknown:
        await gateway.charge(payment_id=payment_id, amount=1999, token=token)

    assert not token or token not in str(unknown.value), "a token may be a card number, which must not get into logs"
    assert await database["sandbox_charges"].count_documents({}) == 0


async def test_a_repeated_charge_charges_once_with_the_same_result(
    gateway: PaymentGateway, database: Database, payment_id: PaymentId
) -> None:
    first = await gateway.charge(payment_id=payment_id, amount=1999, token="tok_visa")
    restarted = sandbox(database)

    assert await restarted.charge(payment_id=payment_id, amount=1999, token="tok_visa") == first
    assert await database["sandbox_charges"].count_documents({}) == 1


async def test_a_repeated_decline_is_the_same_decline(gateway: PaymentGateway, payment_id: PaymentId) -> None:
    answers = []
    for _ in range(2):
        with pytest.raises(CardDeclined) as declined:
            await gateway.charge(payment_id=payment_id, amount=1999, token="tok_chargeDeclinedExpiredCard")
        answers.append((declined.value.code, declined.value.reason))

    assert answers == [("expired_card", "Your card has expired.")] * 2


@pytest.mark.parametrize(
    ("amount", "token"),
    [(2000, "tok_visa"), (1999, "tok_mastercard"), (1999, "tok_chargeDeclined"), (1999, "tok_unheard_of")],
)
async def test_a_payment_id_reused_for_another_charge_is_a_conflict(
    gateway: PaymentGateway, payment_id: PaymentId, amount: int, token: str
) -> None:
    first = await gateway.charge(payment_id=payment_id, amount=1999, token="tok_visa")

    with pytest.raises(IdempotencyConflict, match=payment_id):
        await gateway.charge(payment_id=payment_id, amount=amount, token=token)

    assert await gateway.charge(payment_id=payment_id, amount=1999, token="tok_visa") == first


async def test_a_payment_id_reused_in_another_currency_is_a_conflict(
    gateway: PaymentGateway, database: Database, payment_id: PaymentId
) -> None:
    await gateway.charge(payment_id=payment_id, amount=1999, token="tok_visa")

    with pytest.raises(IdempotencyConflict):
        await sandbox(database, currency="eur").charge(payment_id=payment_id, amount=1999, token="tok_visa")


async def test_two_payments_are_two_charges(gateway: PaymentGateway) -> None:
    charges = {
        await gateway.charge(payment_id=PaymentId(new_id()), amount=1999, token="tok_visa"),
        await gateway.charge(payment_id=PaymentId(new_id()), amount=1999, token="tok_visa"),
    }

    assert len(charges) == 2


async def test_repeated_refunds_of_a_charge_refund_once(
    gateway: PaymentGateway, database: Database, payment_id: PaymentId
) -> None:
    charge_id = await gateway.charge(payment_id=payment_id, amount=1999, token="tok_visa")

    first = await gateway.refund(payment_id=payment_id, charge_id=charge_id)

    assert first.startswith("re_sandbox_")
    assert await gateway.refund(payment_id=payment_id, charge_id=charge_id) == first
    assert await database["sandbox_refunds"].find_one({}) == {
        "_id": f"refund:{payment_id}",
        "request": {"charge_id": charge_id},
        "outcome": {"refund_id": first},
    }
    assert await database["sandbox_refunds"].count_documents({}) == 1


async def test_a_charge_of_another_payment_is_not_refunded(gateway: PaymentGateway, payment_id: PaymentId) -> None:
    charge_id = await gateway.charge(payment_id=payment_id, amount=1999, token="tok_visa")

    with pytest.raises(UnknownCharge, match=charge_id):
        await gateway.refund(payment_id=PaymentId(new_id()), charge_id=charge_id)


async def test_closing_the_sandbox_leaves_the_database_open(gateway: PaymentGateway, payment_id: PaymentId) -> None:
    await gateway.close()

    assert await gateway.charge(payment_id=payment_id, amount=1999, token="tok_visa")


async def test_the_card_without_an_answer_is_charged_once_and_a_repetition_gets_the_answer(
    gateway: PaymentGateway, database: Database, payment_id: PaymentId
) -> None:
    with pytest.raises(GatewayUnavailable):
        await gateway.charge(payment_id=payment_id, amount=1999, token=NO_ANSWER)
    charge_id = await gateway.charge(payment_id=payment_id, amount=1999, token=NO_ANSWER)

    assert await gateway.charge(payment_id=payment_id, amount=1999, token=NO_ANSWER) == charge_id
    assert await database["sandbox_charges"].count_documents({}) == 1


async def test_the_slow_card_is_charged_after_its_time(
    gateway: PaymentGateway, payment_id: PaymentId, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("payments.gateway.sandbox.asyncio.sleep", wait)
    assert (await gateway.charge(payment_id=payment_id, amount=1999, token=SLOW)).startswith("ch_sandbox_")
    assert waited == [SLOW_SECONDS]


def test_the_documentation_of_the_api_lists_every_test_card() -> None:
    operation = next(route for route in idempotent.routes if isinstance(route, APIRoute)).description
    for token in APPROVED_TOKENS | DECLINED_TOKENS.keys():
        if token.startswith("pm_card_") and "visa_charge" not in token:  # another form of the same card
            assert f"`{token}`" in operation
