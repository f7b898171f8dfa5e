"""Paying over HTTP, at the sandbox."""

import asyncio

from payments.tests.checkout import Checkout, problem

from common.domain.ids import new_id
from common.events.payments import PaymentCreated
from devkit.testing.samples import order_events
from payments.payment import PaymentStatus


async def test_the_buyer_pays_an_open_order_and_the_payment_is_published(checkout: Checkout) -> None:
    answer = await checkout.pay()

    assert answer.status_code == 201, answer.text
    payment = answer.json()
    assert payment == checkout.shown(payment["id"], "captured")
    assert await checkout.listed() == [payment]
    charge = await checkout.running.collection("sandbox_charges").find_one({"_id": payment["id"]})
    assert charge is not None
    assert await checkout.streams.eventually_published(PaymentCreated) == [
        PaymentCreated(
            id=payment["id"],
            version=2,
            status=PaymentStatus.CAPTURED,
            order_id=checkout.created.id,
            user_id=checkout.created.user_id,
            amount=checkout.created.ticket.price,
            charge_id=charge["outcome"]["charge_id"],
        )
    ]


async def test_a_decline_has_its_reason_and_the_order_accepts_another_card(checkout: Checkout) -> None:
    declined = await checkout.pay("pm_card_chargeDeclinedInsufficientFunds")
    assert problem(declined) == (402, "card-declined")
    assert declined.json()["errors"] == [{"message": "Your card has insufficient funds.", "field": "token"}]

    unknown = await checkout.pay("pm_card_misspelt")
    assert problem(unknown) == (422, "bad-input")
    assert unknown.json()["errors"][0]["field"] == "token"
    assert "/api/docs/payments" in unknown.json()["detail"], "where the test cards are listed"

    assert (await checkout.pay("tok_mastercard")).status_code == 201
    statuses = [payment["status"] for payment in await checkout.listed()]
    assert statuses == ["captured", "declined", "declined"], "newest first, with those that came to nothing"
    assert len(await checkout.streams.eventually_published(PaymentCreated)) == 1, "a decline publishes nothing"


async def test_a_client_may_pay_immediately_after_the_order(checkout: Checkout) -> None:
    """The order's event has not arrived when the payment is requested: payments waits for it."""
    orders = [order_events(new_id())[0] for _ in range(5)]

    answers, _ = await asyncio.gather(
        asyncio.gather(*(checkout.pay(order=created) for created in orders)),
        asyncio.gather(*(checkout.streams.publish(created) for created in orders)),
    )

    assert [answer.status_code for answer in answers] == [201] * len(orders)


async def test_50_concurrent_payments_for_one_order_are_one_charge(checkout: Checkout) -> None:
    answers = await asyncio.gather(*(checkout.pay() for _ in range(50)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 49
    refusals = {problem(answer) for answer in answers if answer.status_code == 409}
    assert refusals <= {(409, "already-paid"), (409, "payment-in-progress")}
    assert await checkout.running.collection("sandbox_charges").count_documents({}) == 1
    assert len(await checkout.listed()) == 1
    assert len(await checkout.streams.eventually_published(PaymentCreated)) == 1
