"""Lists all types of events and timers.

A service can publish or consume a message only if the type of the message is in this list.
"""

from datetime import UTC, datetime

from common.domain.event import Event, Message
from common.domain.ids import OrderId, PaymentId, TicketId, UserId
from common.events.expiration import ExpirationCompleted
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated, OrderedTicket, OrderExtended
from common.events.payments import PaymentCreated, PaymentRefunded
from common.events.tickets import Place, TicketCreated, TicketUpdated, TicketWithdrawn
from common.events.timers import DeadlineTimer, Timer
from common.events.users import UserRegistered

_SELLER = UserId("65f0c0ffee00000000000001")
_BUYER = UserId("65f0c0ffee00000000000002")
_TICKET = TicketId("65f0c0ffee00000000000010")
_ORDER = OrderId("65f0c0ffee00000000000020")
_PAYMENT = PaymentId("65f0c0ffee00000000000030")
_DEADLINE = datetime(2026, 11, 24, 12, 15, tzinfo=UTC)
_LATER_DEADLINE = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
_ORDERED = OrderedTicket(id=_TICKET, title="Concert", price=1999)

EXAMPLES: tuple[Message, ...] = (
    UserRegistered(id=_BUYER, version=1, email="buyer@example.com"),
    TicketCreated(id=_TICKET, version=1, title="Concert", price=1999, user_id=_SELLER),
    TicketUpdated(id=_TICKET, version=2, title="Concert", price=1999, user_id=_SELLER, order_id=_ORDER),
    TicketWithdrawn(id=_TICKET, version=2, title="Concert", price=1999, user_id=_SELLER),
    OrderCreated(id=_ORDER, version=1, status="created", user_id=_BUYER, expires_at=_DEADLINE, ticket=_ORDERED),
    OrderExtended(
        id=_ORDER,
        version=2,
        status="created",
        user_id=_BUYER,
        expires_at=_LATER_DEADLINE,
        ticket=_ORDERED,
        extensions_left=2,
    ),
    OrderCancelled(id=_ORDER, version=2, status="cancelled", user_id=_BUYER, expires_at=_DEADLINE, ticket=_ORDERED),
    OrderCompleted(
        id=_ORDER,
        version=2,
        status="completed",
        user_id=_BUYER,
        expires_at=_DEADLINE,
        ticket=_ORDERED,
        payment_id=_PAYMENT,
    ),
    PaymentCreated(id=_PAYMENT, version=2, status="captured", order_id=_ORDER, user_id=_BUYER, amount=1999),
    PaymentRefunded(id=_PAYMENT, version=3, status="refunded", order_id=_ORDER, user_id=_BUYER, amount=1999),
    ExpirationCompleted(id=_ORDER, version=2, expires_at=_DEADLINE),
    DeadlineTimer(id=_ORDER, version=1, expires_at=_DEADLINE),
)
"""One example message of each type, for tests and docs/events.md. It lacks the optional fields that were added later.

For example, a test compares the JSON of each example with a stored file (common/tests/golden). So we notice if a change
of the code changes the format of a message.
"""

_LISTING = {
    "title": "Concert",
    "price": 1999,
    "user_id": _SELLER,
    "venue": "Arena di Verona",
    "starts_at": "2027-05-01T20:00:00+02:00",
    "place": Place(section="Gradinata", row="12", seat="7"),
}
GROWN_EXAMPLES: dict[str, tuple[Message, ...]] = {
    "with-details": (
        TicketCreated(id=_TICKET, version=1, **_LISTING),
        TicketUpdated(id=_TICKET, version=2, order_id=_ORDER, **_LISTING),
    ),
}
"""More examples, of the types that got optional fields later. The key is a name for the fields that were added.

The name is a part of the name of the golden file, for example in ticket.created.v1.with-details.json.
"""

GOLDEN_FILES: dict[str, Message] = {
    f"{event.type_name()}.v{event.schema_version}.json": event for event in EXAMPLES
} | {
    f"{event.type_name()}.v{event.schema_version}.{added}.json": event
    for added, events in GROWN_EXAMPLES.items()
    for event in events
}
"""Maps the name of each golden file to its example."""

MESSAGES: dict[str, type[Message]] = {example.type_name(): type(example) for example in EXAMPLES}
"""Maps each type name to its message type. A type name is two parts of the subject, for example `order.created`."""

EVENT_TYPES: tuple[type[Event], ...] = tuple(kind for kind in MESSAGES.values() if issubclass(kind, Event))
TIMER_TYPES: tuple[type[Timer], ...] = tuple(kind for kind in MESSAGES.values() if issubclass(kind, Timer))
