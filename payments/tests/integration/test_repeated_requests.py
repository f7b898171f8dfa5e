"""A repeated request whose first answer was not stored still makes only one payment per Idempotency-Key."""

from itertools import count

import pytest
from payments.tests.fake_gateway import FakeGateway
from payments.tests.interruption import InterruptedDatabase, Interruption
from payments.tests.use_cases import GOOD_CARD, OrderEvents, payments_of, use_cases

from common.domain.ids import OrderId, new_id
from common.domain.requested import RequestKey
from common.storage.mongo import Mongo
from devkit.testing.clock import SettableClock
from devkit.testing.samples import order_events
from payments.payment import CardRefused, Payment, PaymentInProgress
from payments.service import PaymentService


async def pay_with_key(payments: PaymentService, order: OrderEvents, key: str) -> Payment:
    created = order[0]
    request = RequestKey(f"{created.user_id}:{key}", fingerprint="of its body")
    return await payments.pay_order(OrderId(created.id), token=GOOD_CARD, buyer=created.user_id, request_key=request)


async def test_two_concurrent_copies_of_a_request_make_one_payment(mongo: Mongo) -> None:
    """The second copy is declined, and so releases the order, between any two steps of the first copy."""
    for moment in count(1):
        order, gateway, clock = order_events(new_id()), FakeGateway(declines=True), SettableClock()
        payments = await use_cases(mongo.database, gateway, clock)
        await payments.close_payment(order[0])

        async def second_copy() -> None:
            with pytest.raises(CardRefused):
                await pay_with_key(payments, order, "a-key")  # noqa: B023 - called in this turn

        interruption = Interruption(moment, second_copy)
        interrupted = await use_cases(InterruptedDatabase(mongo.database, interruption), gateway, clock)
        with pytest.raises((CardRefused, PaymentInProgress)):
            await pay_with_key(interrupted, order, "a-key")
        (payment,) = await payments_of(payments, order)
        assert set(gateway.charges_asked) == {payment.id}, f"second copy after step {moment} of the first"
        if not interruption.took_place:
            break
    assert moment > 3, "the first copy has been interrupted at each of its steps"


async def test_a_repeated_request_whose_card_was_declined_is_declined_again(mongo: Mongo) -> None:
    """Even if the card would be accepted now: the key belongs to the first attempt."""
    order, gateway = order_events(new_id()), FakeGateway(declines=True)
    payments = await use_cases(mongo.database, gateway, SettableClock())
    await payments.close_payment(order[0])
    with pytest.raises(CardRefused):
        await pay_with_key(payments, order, "a-key")

    gateway.declines = False
    with pytest.raises(CardRefused, match="insufficient funds"):
        await pay_with_key(payments, order, "a-key")
    assert gateway.balance == 0
