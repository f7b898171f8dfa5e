"""Every event there is. What is not listed here is neither published nor consumed."""

from datetime import UTC, datetime

from common.domain.ids import OrderId, PaymentId, TicketId, UserId
from common.events.base import Event
from common.events.expiration import DeadlineAlarm, ExpirationCompleted
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated, OrderedTicket, OrderStatus
from common.events.payments import PaymentCreated, PaymentRefunded, PaymentStatus
from common.events.tickets import TicketCreated, TicketUpdated
from common.events.users import UserRegistered

_SELLER = UserId("65f0c0ffee00000000000001")
_BUYER = UserId("65f0c0ffee00000000000002")
_TICKET = TicketId("65f0c0ffee00000000000010")
_ORDER = OrderId("65f0c0ffee00000000000020")
_PAYMENT = PaymentId("65f0c0ffee00000000000030")
_DEADLINE = datetime(2026, 11, 24, 12, 15, tzinfo=UTC)
_ORDERED = OrderedTicket(id=_TICKET, title="Concert", price=1999)

EXAMPLES: tuple[Event, ...] = (
    UserRegistered(id=_BUYER, version=1, email="buyer@example.com"),
    TicketCreated(id=_TICKET, version=1, title="Concert", price=1999, user_id=_SELLER),
    TicketUpdated(id=_TICKET, version=2, title="Concert", price=1999, user_id=_SELLER, order_id=_ORDER),
    OrderCreated(
        id=_ORDER, version=1, status=OrderStatus.CREATED, user_id=_BUYER, expires_at=_DEADLINE, ticket=_ORDERED
    ),
    OrderCancelled(
        id=_ORDER, version=2, status=OrderStatus.CANCELLED, user_id=_BUYER, expires_at=_DEADLINE, ticket=_ORDERED
    ),
    OrderCompleted(
        id=_ORDER,
        version=2,
        status=OrderStatus.COMPLETED,
        user_id=_BUYER,
        expires_at=_DEADLINE,
        ticket=_ORDERED,
        payment_id=_PAYMENT,
    ),
    PaymentCreated(id=_PAYMENT, version=2, status=PaymentStatus.CAPTURED, order_id=_ORDER, user_id=_BUYER, amount=1999),
    PaymentRefunded(
        id=_PAYMENT, version=3, status=PaymentStatus.REFUNDED, order_id=_ORDER, user_id=_BUYER, amount=1999
    ),
    ExpirationCompleted(id=_ORDER, version=2, expires_at=_DEADLINE),
    DeadlineAlarm(id=_ORDER, version=1, expires_at=_DEADLINE),
)
"""One of each: the golden files, the generated docs and the suites over every consumer are made from them."""

CATALOG: dict[str, type[Event]] = {event.type_name(): type(event) for event in EXAMPLES}
"""By type name: the first two tokens of the subject."""
