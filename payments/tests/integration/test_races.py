"""Concurrent use cases, on a real MongoDB: each change is made and published once."""

import asyncio
from datetime import timedelta

import pytest
from payments.tests.fake_gateway import FakeGateway
from payments.tests.use_cases import pay, payments_of, recorded_events, recovery_of, use_cases

from common.domain.errors import DependencyUnavailable
from common.domain.ids import new_id
from common.storage.mongo import Mongo
from devkit.testing.clock import SettableClock
from devkit.testing.samples import order_events
from payments.payment import AlreadyPaid, OrderNotOpen, PaymentStatus

pytestmark = pytest.mark.both_drivers

CREATED, REFUNDED = "payment.created.v1", "payment.refunded.v1"


@pytest.mark.parametrize(
    ("event", "status", "events"),
    [(1, PaymentStatus.REFUNDED, [CREATED, REFUNDED]), (2, PaymentStatus.CAPTURED, [CREATED])],
    ids=["cancelled", "completed"],
)
async def test_a_payment_concurrent_with_the_end_of_its_order_ends_once(
    mongo: Mongo, event: int, status: PaymentStatus, events: list[str]
) -> None:
    """For 15 orders: the payment and two deliveries of the order's last event run concurrently."""
    gateway = FakeGateway()
    payments = await use_cases(mongo.database, gateway, SettableClock())
    orders = [order_events(new_id()) for _ in range(15)]
    await asyncio.gather(*(payments.close_payment(order[0]) for order in orders))

    outcomes = await asyncio.gather(
        *(pay(payments, order) for order in orders),
        *(payments.close_payment(order[event]) for order in orders * 2),
        return_exceptions=True,
    )

    refusals = {type(outcome) for outcome in outcomes if isinstance(outcome, BaseException)}
    assert refusals <= {OrderNotOpen, AlreadyPaid}, "it came too late"
    paid = [payment for order in orders for payment in await payments_of(payments, order)]
    assert {payment.id for payment in paid} == set(gateway.charges)
    assert {(payment.status, payment.open, payment.version) for payment in paid} <= {(status, False, 3)}
    assert sorted(await recorded_events(payments)) == sorted(events * len(paid))
    assert gateway.balance == (1999 * len(paid) if status is PaymentStatus.CAPTURED else 0)


async def test_concurrent_recovery_jobs_capture_once(mongo: Mongo) -> None:
    gateway, clock = FakeGateway(loses_answers=True), SettableClock()
    payments = await use_cases(mongo.database, gateway, clock)
    order = order_events(new_id())
    await payments.close_payment(order[0])
    with pytest.raises(DependencyUnavailable):
        await pay(payments, order)
    gateway.loses_answers = False
    clock.move_on(timedelta(seconds=11))

    await asyncio.gather(*(recovery_of(payments).recover_open_payments() for _ in range(20)))

    (payment,) = await payments_of(payments, order)
    assert (payment.status, payment.version) == (PaymentStatus.CAPTURED, 2)
    assert await recorded_events(payments) == [CREATED]
    assert gateway.balance == 1999
