"""The recovery job finishes abandoned payments, and reports those that it must not touch to an operator."""

from datetime import timedelta

import pytest
from payments.tests.fake_gateway import FakeGateway
from payments.tests.use_cases import GOOD_CARD, OrderEvents, pay, payments_of, recorded_events, recovery_of
from structlog.testing import capture_logs
from structlog.typing import EventDict

from common.domain.errors import DependencyUnavailable
from common.domain.ids import OrderId, PaymentId, new_id
from devkit.testing.clock import SettableClock
from devkit.testing.running import somebody
from payments.payment import Payment, PaymentStatus
from payments.service import PaymentService

ABANDONED = timedelta(seconds=11)
TOO_OLD = timedelta(hours=20, seconds=1)


@pytest.mark.parametrize("outage", ["unavailable", "loses_answers"])
async def test_the_recovery_job_finishes_a_payment_of_unknown_outcome_with_one_charge(
    payments: PaymentService,
    order: OrderEvents,
    gateway: FakeGateway,
    clock: SettableClock,
    outage: str,
) -> None:
    await pay_in_vain(payments, order, gateway, outage)
    clock.move_on(ABANDONED)

    await recovery_of(payments).recover_open_payments()
    await recovery_of(payments).recover_open_payments()

    (payment,) = await payments_of(payments, order)
    assert payment.status is PaymentStatus.CAPTURED
    assert gateway.charges == {payment.id: (1999, "tok_visa")}
    assert gateway.charges_asked == [payment.id] * 2
    assert await recorded_events(payments) == ["payment.created.v1"]


async def test_the_recovery_job_skips_payments_that_a_request_may_still_process(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway, clock: SettableClock
) -> None:
    await pay_in_vain(payments, order, gateway)
    clock.move_on(timedelta(seconds=9))

    await recovery_of(payments).recover_open_payments()

    assert len(gateway.charges_asked) == 1


async def test_the_recovery_job_finishes_a_payment_that_was_begun_while_the_clock_was_ahead(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway, clock: SettableClock
) -> None:
    """Time that goes back: https://github.com/rabbitmq/rabbitmq-delayed-message-exchange/issues/167."""
    clock.move_on(timedelta(minutes=10))
    await pay_in_vain(payments, order, gateway)
    clock.move_on(timedelta(minutes=-10))

    await recovery_of(payments).recover_open_payments()

    assert [payment.status for payment in await payments_of(payments, order)] == [PaymentStatus.CAPTURED]


async def test_the_recovery_job_can_end_in_a_decline(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway, clock: SettableClock
) -> None:
    await pay_in_vain(payments, order, gateway, "unavailable")
    gateway.declines = True
    clock.move_on(ABANDONED)

    await recovery_of(payments).recover_open_payments()

    (payment,) = await payments_of(payments, order)
    assert (payment.status, payment.open) == (PaymentStatus.DECLINED, False)
    gateway.declines = False
    assert (await pay(payments, order)).status is PaymentStatus.CAPTURED, "the order is free for another card"


async def test_a_payment_that_cannot_be_finished_does_not_block_the_others(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway, clock: SettableClock
) -> None:
    await pay_in_vain(payments, order, gateway)
    other = (order[0].model_copy(update={"id": new_id()}), order[1], order[2])
    await payments.close_payment(other[0])
    await pay_in_vain(payments, other, gateway)
    (stuck,) = await payments_of(payments, order)
    gateway.charges[PaymentId(stuck.id)] = (1, "of another payment")  # the processor will always refuse this key
    clock.move_on(ABANDONED)

    with capture_logs() as logs:
        await recovery_of(payments).recover_open_payments()

    assert [payment.status for payment in await payments_of(payments, other)] == [PaymentStatus.CAPTURED]
    assert errors_in(logs) == [stuck.id]


async def test_a_payment_older_than_its_idempotency_key_is_reported_not_charged(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway, clock: SettableClock
) -> None:
    await pay_in_vain(payments, order, gateway)
    clock.move_on(TOO_OLD)

    with capture_logs() as logs:
        await recovery_of(payments).recover_open_payments()

    (payment,) = await payments_of(payments, order)
    assert payment.status is PaymentStatus.PENDING
    assert len(gateway.charges_asked) == 1
    assert errors_in(logs) == [payment.id]
    assert "person" in logs[0]["event"]


async def test_a_refund_is_never_too_old(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway, clock: SettableClock
) -> None:
    await pay(payments, order)
    gateway.unavailable = True
    await payments.close_payment(order[1])
    gateway.unavailable = False
    clock.move_on(TOO_OLD)

    await recovery_of(payments).recover_open_payments()

    assert gateway.balance == 0
    assert await recorded_events(payments) == ["payment.created.v1", "payment.refunded.v1"]


async def test_many_payments_that_cannot_be_finished_do_not_block_a_newer_one(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway, clock: SettableClock
) -> None:
    """More payments than a page of the recovery job holds (500), all begun at the same time."""
    begun = clock()
    for _ in range(501):
        stuck = Payment.begin(order_id=OrderId(new_id()), buyer=somebody(), amount=1, token=GOOD_CARD, now=begun)
        await payments._payments.add(stuck)
    clock.move_on(TOO_OLD)
    late_order = (order[0].model_copy(update={"id": new_id(), "expires_at": clock() + TOO_OLD}), order[1], order[2])
    await payments.close_payment(late_order[0])
    await pay_in_vain(payments, late_order, gateway)
    clock.move_on(ABANDONED)

    with capture_logs() as logs:
        await recovery_of(payments).recover_open_payments()

    assert [payment.status for payment in await payments_of(payments, late_order)] == [PaymentStatus.CAPTURED]
    assert len(set(errors_in(logs))) == len(errors_in(logs)) == 501


async def test_an_outage_of_the_processor_is_logged_without_a_stack_trace(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway, clock: SettableClock
) -> None:
    await pay_in_vain(payments, order, gateway)
    gateway.unavailable = True
    clock.move_on(ABANDONED)

    with capture_logs() as logs:
        await recovery_of(payments).recover_open_payments()

    assert {line["log_level"] for line in logs} == {"warning"}
    assert not any("exc_info" in line for line in logs)


async def pay_in_vain(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway, outage: str = "loses_answers"
) -> None:
    """The buyer pays, and the outcome stays unknown."""
    setattr(gateway, outage, True)
    with pytest.raises(DependencyUnavailable):
        await pay(payments, order)
    setattr(gateway, outage, False)


def errors_in(logs: list[EventDict]) -> list[str]:
    """The ids of the payments that the log reports to the operator."""
    return [line["payment"] for line in logs if line["log_level"] == "error"]
