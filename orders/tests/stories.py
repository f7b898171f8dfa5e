"""The story of each consumer of orders, for tests/integration/test_every_consumer.py."""

from datetime import UTC, datetime

from common.domain.ids import OrderId, TicketId, UserId
from common.events.expiration import ExpirationCompleted
from common.events.orders import OrderedTicket
from devkit.testing.samples import captured_payment, changed_ticket, listed_ticket, withdrawn_ticket
from devkit.testing.service_samples import Story, nothing_before
from orders.order import Order, OrderStatus
from orders.service import OrderService

_ORDER = OrderId("65f0c0ffee00000000000020")
_BUYER = UserId("65f0c0ffee00000000000002")
_DEADLINE = datetime(2026, 1, 1, tzinfo=UTC)
_LISTED = listed_ticket()


async def _an_open_order(orders: OrderService) -> None:
    ticket = OrderedTicket(id=TicketId(_LISTED.id), title="Concert", price=1999)
    await orders._orders.add(
        Order(id=_ORDER, user_id=_BUYER, ticket=ticket, expires_at=_DEADLINE, status=OrderStatus.CREATED, version=1)
    )


STORIES = {
    "orders-replicate-ticket": Story(
        (_LISTED, changed_ticket(_LISTED, 2, title="Concert 2"), changed_ticket(_LISTED, 3, title="Concert 3")),
        nothing_before,
    ),
    "orders-cancel-order-on-ticket-withdrawn": Story(
        (_LISTED, changed_ticket(_LISTED, 2), withdrawn_ticket(_LISTED, 3)), _an_open_order
    ),
    "orders-complete-order-on-payment-created": Story((captured_payment(_ORDER),), _an_open_order),
    "orders-expire-order-on-expiration-completed": Story(
        (ExpirationCompleted(id=_ORDER, version=2, expires_at=_DEADLINE),), _an_open_order
    ),
}
