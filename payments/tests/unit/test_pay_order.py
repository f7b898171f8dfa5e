"""The use case pay_order, one call at a time, on a database in memory. For concurrency, see tests/integration."""

from datetime import timedelta

import pytest
from payments.tests.fake_gateway import FakeGateway
from payments.tests.use_cases import OrderEvents, pay, payments_of, recorded_events, use_cases

from common.domain.errors import BadInput, DependencyUnavailable, NotFound, PermanentFailure
from common.domain.ids import OrderId, new_id
from common.storage.collection import Database
from devkit.testing.clock import SettableClock
from devkit.testing.running import somebody
from devkit.testing.samples import extended_order, order_events
from payments.payment import AlreadyPaid, CardRefused, NotTheBuyer, OrderNotOpen, PaymentInProgress, PaymentStatus
from payments.service import PaymentService


async def test_paying_charges_the_agreed_price_with_the_payments_id_as_the_key(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway
) -> None:
    payment = await pay(payments, order)

    assert payment.status is PaymentStatus.CAPTURED
    assert gateway.charges == {payment.id: (1999, "tok_visa")}
    assert await recorded_events(payments) == ["payment.created.v1"]


async def test_after_a_decline_the_order_can_be_paid_with_another_card(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway
) -> None:
    gateway.declines = True
    with pytest.raises(CardRefused, match="insufficient funds"):
        await pay(payments, order, "tok_empty")
    assert await recorded_events(payments) == []

    gateway.declines = False
    await pay(payments, order, "tok_full")

    tried = [(payment.status, payment.open) for payment in await payments_of(payments, order)]
    assert tried == [(PaymentStatus.CAPTURED, True), (PaymentStatus.DECLINED, False)], "newest first"
    assert gateway.balance == 1999


async def test_an_unknown_token_is_invalid_input_and_does_not_claim_the_order(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway
) -> None:
    gateway.knows_tokens = False
    with pytest.raises(BadInput) as refused:
        await pay(payments, order, "tok_misspelt")
    assert refused.value.argument == "token"
    assert "tok_misspelt" not in str(refused.value)

    gateway.knows_tokens = True
    assert (await pay(payments, order)).status is PaymentStatus.CAPTURED


async def test_a_user_who_may_not_pay_an_order_is_not_charged(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway
) -> None:
    order_id = OrderId(order[0].id)
    with pytest.raises(NotTheBuyer):
        await payments.pay_order(order_id, token="tok_visa", buyer=somebody())
    with pytest.raises(NotTheBuyer):
        await payments.list_payments(order_id, buyer=somebody())
    with pytest.raises(NotFound):
        await payments.pay_order(OrderId(new_id()), token="tok_visa", buyer=order[0].user_id)
    assert gateway.charges_asked == []


@pytest.mark.parametrize(("event", "refusal"), [(1, OrderNotOpen), (2, AlreadyPaid)], ids=["cancelled", "completed"])
async def test_a_closed_order_is_not_charged(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway, event: int, refusal: type[Exception]
) -> None:
    await payments.close_payment(order[event])
    with pytest.raises(refusal):
        await pay(payments, order)
    assert gateway.charges_asked == []


@pytest.mark.parametrize("created_first", [True, False], ids=["in order", "extended before created"])
async def test_an_extended_order_can_be_paid_until_its_new_deadline(
    database: Database, gateway: FakeGateway, clock: SettableClock, *, created_first: bool
) -> None:
    payments = await use_cases(database, gateway, clock)
    order = order_events(new_id())
    extended = extended_order(order[0])
    for event in (order[0], extended) if created_first else (extended, order[0]):
        await payments.learn_of_order(event)
    clock.stands_at = order[0].expires_at
    assert (await pay(payments, order)).status is PaymentStatus.CAPTURED
    clock.stands_at = extended.expires_at
    with pytest.raises(OrderNotOpen, match="is over"):
        await pay(payments, order)


async def test_the_deadline_itself_is_too_late(order: OrderEvents, database: Database, gateway: FakeGateway) -> None:
    deadline = order[0].expires_at
    at_the_deadline = await use_cases(database, gateway, lambda: deadline)
    just_before = await use_cases(database, gateway, lambda: deadline - timedelta(milliseconds=1))

    with pytest.raises(OrderNotOpen, match="time to pay this order is over"):
        await pay(at_the_deadline, order)
    assert (await pay(just_before, order)).status is PaymentStatus.CAPTURED


async def test_a_second_payment_is_refused_with_the_reason(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway
) -> None:
    gateway.unavailable = True
    with pytest.raises(DependencyUnavailable):
        await pay(payments, order)
    with pytest.raises(PaymentInProgress):
        await pay(payments, order)

    gateway.unavailable = False
    (payment,) = await payments_of(payments, order)
    assert payment.status is PaymentStatus.PENDING
    assert gateway.charges_asked == [payment.id], "the second one never came as far as the card"


async def test_a_cancellation_after_the_capture_refunds_it_once(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway
) -> None:
    await pay(payments, order)
    await payments.close_payment(order[1])
    await payments.close_payment(order[1])

    (payment,) = await payments_of(payments, order)
    assert (payment.status, payment.open) == (PaymentStatus.REFUNDED, False)
    assert (gateway.balance, gateway.refunds_asked) == (0, [payment.id])
    assert await recorded_events(payments) == ["payment.created.v1", "payment.refunded.v1"]


async def test_a_refund_of_an_unknown_charge_is_a_permanent_failure(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway
) -> None:
    """Such as a charge of another account: the cancellation becomes a dead letter, which an operator checks."""
    payment = await pay(payments, order)
    gateway.charges.clear()

    with pytest.raises(PermanentFailure, match=f"ch_{payment.id}"):
        await payments.close_payment(order[1])

    (payment,) = await payments_of(payments, order)
    assert (payment.status, payment.open) == (PaymentStatus.CAPTURED, True)


async def test_a_completion_settles_the_payment_and_an_old_cancellation_changes_nothing(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway
) -> None:
    created, cancelled, completed = order
    await pay(payments, order)
    await payments.close_payment(completed)
    await payments.close_payment(cancelled)
    await payments.close_payment(created)

    (payment,) = await payments_of(payments, order)
    assert (payment.status, payment.open) == (PaymentStatus.CAPTURED, False)
    assert gateway.balance == 1999
