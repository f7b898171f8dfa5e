"""The story of each consumer of payments, for tests/integration/test_every_consumer.py."""

from datetime import UTC, datetime

from common.domain.ids import OrderId, PaymentId, UserId, new_id
from devkit.testing.samples import extended_order, order_events
from devkit.testing.service_samples import Story, nothing_before
from payments.payment import Payment, PaymentStatus
from payments.service import PaymentService

_ORDER = OrderId("65f0c0ffee00000000000020")
_PAYMENT = PaymentId("65f0c0ffee00000000000030")
_BUYER = UserId("65f0c0ffee00000000000002")
_CREATED, _CANCELLED, _COMPLETED = order_events(new_id(), buyer=_BUYER, order_id=_ORDER)


async def _a_captured_payment(payments: PaymentService) -> None:
    await payments._orders.apply(_CREATED)
    charge = await payments._gateway.charge(payment_id=_PAYMENT, amount=1999, token="pm_card_visa")
    await payments._payments.add(
        Payment(
            id=_PAYMENT,
            order_id=_ORDER,
            user_id=_BUYER,
            amount=1999,
            status=PaymentStatus.CAPTURED,
            open=True,
            token=None,
            charge_id=charge,
            begun_at=datetime(2026, 1, 1, tzinfo=UTC),
            version=2,
        )
    )


STORIES = {
    "payments-accept-payments-on-order-created": Story((_CREATED,), nothing_before),
    "payments-accept-payments-longer-on-order-extended": Story((_CREATED, extended_order(_CREATED)), nothing_before),
    "payments-stop-payments-on-order-closed": Story((_CREATED, _CANCELLED), nothing_before),
    "payments-refund-payment-on-order-cancelled": Story((_CREATED, _CANCELLED), _a_captured_payment),
    "payments-settle-payment-on-order-completed": Story((_CREATED, _COMPLETED), _a_captured_payment),
}
