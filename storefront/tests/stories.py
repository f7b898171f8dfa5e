"""The story of each consumer of storefront, for tests/integration/test_every_consumer.py."""

from common.domain.ids import OrderId, PaymentId, TicketId, UserId
from common.events.payments import PaymentCreated, PaymentRefunded
from common.events.tickets import TicketCreated, TicketUpdated
from devkit.testing.samples import order_events
from devkit.testing.service_samples import Story, nothing_before

_TICKET = TicketId("65f0c0ffee00000000000010")
_ORDER = OrderId("65f0c0ffee00000000000020")
_PAYMENT = PaymentId("65f0c0ffee00000000000030")
_SELLER, _BUYER = UserId("65f0c0ffee00000000000001"), UserId("65f0c0ffee00000000000002")
_LISTED = TicketCreated(id=_TICKET, version=1, title="Concert", price=1999, user_id=_SELLER)
_HELD = TicketUpdated(id=_TICKET, version=2, title="Concert", price=1999, user_id=_SELLER, order_id=_ORDER)
_CREATED, _CANCELLED, _ = order_events(_TICKET, buyer=_BUYER, order_id=_ORDER)
_PAYING = {"id": _PAYMENT, "order_id": _ORDER, "user_id": _BUYER, "amount": 1999}
_CAPTURED = PaymentCreated.model_validate({**_PAYING, "version": 2, "status": "captured"})
_REFUNDED = PaymentRefunded.model_validate({**_PAYING, "version": 3, "status": "refunded"})

STORIES = {
    "storefront-show-ticket-on-ticket-event": Story((_LISTED, _HELD), nothing_before),
    "storefront-show-order-on-order-event": Story((_CREATED, _CANCELLED), nothing_before),
    "storefront-show-payment-on-payment-event": Story((_CAPTURED, _REFUNDED), nothing_before),
}
