"""A charge and a cancellation of its order, each run between any two steps of the other, on a real MongoDB."""

import asyncio
from contextlib import suppress
from itertools import count

import pytest
from payments.tests.fake_gateway import FakeGateway
from payments.tests.interruption import InterruptedDatabase, Interruption
from payments.tests.use_cases import pay, use_cases

from common.domain.ids import new_id
from common.storage.mongo import Mongo
from devkit.testing.clock import SettableClock
from devkit.testing.samples import order_events
from payments.payment import OrderNotOpen

pytestmark = pytest.mark.both_drivers


async def test_a_cancellation_at_any_moment_of_a_payment_ends_in_a_refund(mongo: Mongo) -> None:
    for moment in count(1):
        order, gateway, clock = order_events(new_id()), FakeGateway(), SettableClock()
        payments = await use_cases(mongo.database, gateway, clock)
        await payments.close_payment(order[0])

        interruption = Interruption(moment, lambda: payments.close_payment(order[1]))  # noqa: B023 - called in this turn
        paying = await use_cases(InterruptedDatabase(mongo.database, interruption), gateway, clock)
        with suppress(OrderNotOpen):
            await pay(paying, order)
        if not interruption.took_place:
            break
        assert gateway.balance == 0, f"cancelled after step {moment} of the payment, and not refunded"
    assert moment > 5, "the payment has been interrupted at each of its steps"


async def test_a_charge_that_returns_at_any_moment_of_a_cancellation_is_refunded(mongo: Mongo) -> None:
    for moment in count(1):
        order, gateway, clock = order_events(new_id()), FakeGateway(), SettableClock()
        payments = await use_cases(mongo.database, gateway, clock)
        await payments.close_payment(order[0])
        gateway.may_answer.clear()
        paying = asyncio.create_task(pay(payments, order))
        await gateway.eventually_charged()

        async def let_the_charge_return() -> None:
            gateway.may_answer.set()  # noqa: B023 - called in this turn
            await asyncio.wait({paying})  # noqa: B023 - as above

        interruption = Interruption(moment, let_the_charge_return)
        cancelling = await use_cases(InterruptedDatabase(mongo.database, interruption), gateway, clock)
        await cancelling.close_payment(order[1])
        gateway.may_answer.set()
        with suppress(OrderNotOpen):
            await paying
        assert gateway.balance == 0, f"the charge returned after step {moment} of the cancellation, and is kept"
        if not interruption.took_place:
            break
    assert moment > 2, "the cancellation has been interrupted at each of its steps"
