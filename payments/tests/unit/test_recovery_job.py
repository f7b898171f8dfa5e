"""The recovery job runs as long as the service, in spite of failures."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from payments.tests.fake_gateway import FakeGateway
from payments.tests.interruption import InterruptedDatabase
from payments.tests.use_cases import OrderEvents, pay, payments_of, recovery_of, use_cases
from pymongo.errors import AutoReconnect

from common.domain.errors import DependencyUnavailable
from common.domain.ids import new_id
from common.storage.collection import Database
from devkit.testing.interception import Operation
from devkit.testing.samples import order_events
from devkit.testing.skipped_time import in_background, let_pass, run_without_waiting, seconds_passed
from payments.payment import PaymentStatus
from payments.service import PaymentService

START = datetime(2026, 11, 24, 12, tzinfo=UTC)


def clock() -> datetime:
    return START + timedelta(seconds=seconds_passed())


def open_order() -> OrderEvents:
    created, cancelled, completed = order_events(new_id())
    return created.model_copy(update={"expires_at": START + timedelta(minutes=15)}), cancelled, completed


async def pay_during_an_outage(payments: PaymentService, order: OrderEvents, gateway: FakeGateway) -> None:
    await payments.close_payment(order[0])
    gateway.unavailable = True
    with pytest.raises(DependencyUnavailable):
        await pay(payments, order)


def test_the_recovery_job_tries_again_until_the_card_processor_is_back(
    database: Database, gateway: FakeGateway
) -> None:
    async def story() -> None:
        payments, order = await use_cases(database, gateway, clock), open_order()
        await pay_during_an_outage(payments, order, gateway)
        async with in_background(recovery_of(payments).run_forever()):
            await let_pass(60)
            gateway.unavailable = False
            await let_pass(60)
            (payment,) = await payments_of(payments, order)
            assert payment.status is PaymentStatus.CAPTURED
            assert gateway.charges == {payment.id: (1999, "tok_visa")}

    run_without_waiting(story())


def test_the_recovery_job_tries_a_payment_that_cannot_be_finished_less_and_less_often(
    database: Database, gateway: FakeGateway
) -> None:
    """In the first hour about 12 times, and not 700 times. Its pauses delay no other payment."""

    async def story() -> None:
        payments, order = await use_cases(database, gateway, clock), open_order()
        await pay_during_an_outage(payments, order, gateway)
        async with in_background(recovery_of(payments).run_forever()):
            await let_pass(60 * 60)
            assert 8 <= len(gateway.charges_asked) <= 14
            created, cancelled, completed = open_order()
            other = created.model_copy(update={"expires_at": clock() + timedelta(minutes=15)}), cancelled, completed
            await pay_during_an_outage(payments, other, gateway)
            gateway.unavailable = False
            await let_pass(20)
            assert [payment.status for payment in await payments_of(payments, other)] == [PaymentStatus.CAPTURED]
            await let_pass(600)
            assert [payment.status for payment in await payments_of(payments, order)] == [PaymentStatus.CAPTURED]

    run_without_waiting(story())


def test_the_recovery_job_survives_an_outage_of_its_database(database: Database, gateway: FakeGateway) -> None:
    away = False

    class Outage:
        async def around(self, _name: str, operation: Operation) -> Any:
            if away:
                raise AutoReconnect("connection closed")
            return await operation()

    async def story() -> None:
        nonlocal away
        outage: Any = Outage()
        payments = await use_cases(InterruptedDatabase(database, outage), gateway, clock)
        order = open_order()
        await pay_during_an_outage(payments, order, gateway)
        gateway.unavailable = False
        away = True
        async with in_background(recovery_of(payments).run_forever()):
            await let_pass(30)
            away = False
            await let_pass(30)
            (payment,) = await payments_of(payments, order)
            assert payment.status is PaymentStatus.CAPTURED

    run_without_waiting(story())
