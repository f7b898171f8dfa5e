"""The payment aggregate: its transitions and their events."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from common.domain.errors import Conflict
from common.domain.ids import OrderId, UserId
from common.events.payments import PaymentCreated, PaymentRefunded
from payments.gateway.protocol import ChargeId
from payments.payment import Payment, PaymentStatus

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ORDER = OrderId("65f0c0ffee00000000000020")
BUYER = UserId("65f0c0ffee00000000000002")
CHARGE = ChargeId("ch_1")


def pending() -> Payment:
    payment = Payment.begin(order_id=ORDER, buyer=BUYER, amount=1999, token="tok_visa", now=NOW)
    payment.mark_stored()
    return payment


def after(*steps: Callable[[Payment], None]) -> Payment:
    payment = pending()
    for step in steps:
        step(payment)
    payment.mark_stored()
    return payment


def capture(payment: Payment) -> None:
    payment.capture(CHARGE)


def decline(payment: Payment) -> None:
    payment.decline("Your card was declined.")


def refund(payment: Payment) -> None:
    payment.refund()


def settle(payment: Payment) -> None:
    payment.settle()


def test_a_payment_begins_pending_and_publishes_nothing() -> None:
    payment = Payment.begin(order_id=ORDER, buyer=BUYER, amount=1999, token="tok_visa", now=NOW)

    assert (payment.status, payment.open, payment.version) == (PaymentStatus.PENDING, True, 1)
    assert payment.recorded == []


def test_two_payments_of_one_order_have_ids_of_their_own() -> None:
    assert pending().id != pending().id, "the id is the idempotency key: a second card is another charge"


def test_a_captured_payment_stays_open_and_its_event_has_its_public_state() -> None:
    payment = pending()
    payment.capture(CHARGE)

    assert (payment.status, payment.open, payment.charge_id) == (PaymentStatus.CAPTURED, True, CHARGE)
    assert payment.recorded == [
        PaymentCreated(
            id=payment.id,
            version=2,
            status=PaymentStatus.CAPTURED,
            order_id=ORDER,
            user_id=BUYER,
            amount=1999,
            charge_id="ch_1",
        )
    ]


def test_a_declined_payment_is_closed_and_publishes_nothing() -> None:
    payment = pending()
    payment.decline("Your card was declined.")

    assert (payment.status, payment.open, payment.version) == (PaymentStatus.DECLINED, False, 2)
    assert payment.decline_reason == "Your card was declined."
    assert payment.recorded == []


def test_a_refunded_payment_is_closed_and_published() -> None:
    payment = after(capture)
    payment.refund()

    assert (payment.status, payment.open) == (PaymentStatus.REFUNDED, False)
    assert payment.recorded == [
        PaymentRefunded(
            id=payment.id,
            version=3,
            status=PaymentStatus.REFUNDED,
            order_id=ORDER,
            user_id=BUYER,
            amount=1999,
            charge_id="ch_1",
        )
    ]


def test_a_settled_payment_is_closed_and_captured_and_publishes_nothing() -> None:
    payment = after(capture)
    payment.settle()

    assert (payment.status, payment.open, payment.version) == (PaymentStatus.CAPTURED, False, 3)
    assert payment.recorded == []


@pytest.mark.parametrize("outcome", [capture, decline])
def test_the_card_token_is_deleted_once_the_outcome_is_known(outcome: Callable[[Payment], None]) -> None:
    assert pending().token == "tok_visa", "until then the charge may have to be repeated"
    assert after(outcome).token is None


@pytest.mark.parametrize(
    ("so_far", "step"),
    [
        ([], refund),
        ([], settle),
        ([decline], capture),
        ([decline], decline),
        ([decline], refund),
        ([decline], settle),
        ([capture], capture),
        ([capture], decline),
        ([capture, refund], capture),
        ([capture, refund], decline),
        ([capture, refund], refund),
        ([capture, refund], settle),
        ([capture, settle], capture),
        ([capture, settle], decline),
        ([capture, settle], refund),
        ([capture, settle], settle),
    ],
    ids=lambda steps: "-".join(s.__name__ for s in steps) if isinstance(steps, list) else steps.__name__,
)
def test_every_invalid_transition_is_refused_and_changes_nothing(
    so_far: list[Callable[[Payment], None]], step: Callable[[Payment], None]
) -> None:
    payment = after(*so_far)
    before = payment.to_document()

    with pytest.raises(Conflict, match=f"The payment is {payment.status}"):
        step(payment)

    assert payment.to_document() == before
    assert payment.recorded == []


def test_a_payment_read_from_its_document_is_unchanged() -> None:
    payment = after(capture)

    again = Payment.from_document(payment.to_document())

    assert again == payment
    assert again.stored_version == 2
