"""What each service owns, which others copy it, and what each copy has to be."""

from dataclasses import dataclass
from typing import Any

from common.domain.aggregate import Aggregate
from common.events.base import Event
from common.events.expiration import ExpirationCompleted
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated
from common.events.payments import PaymentCreated, PaymentRefunded, PaymentStatus
from common.events.tickets import TicketCreated, TicketUpdated
from common.events.users import UserRegistered
from common.storage.collection import Document
from common.storage.read_model import ReadModel
from expiration.deadline import Deadline, DeadlineStatus
from orders.order import Order
from orders.ticket_read_model import TicketReadModel
from payments.order_read_model import OrderReadModel as PayableOrder
from payments.payment import Payment
from tickets.order_read_model import OrderReadModel as HoldingOrder
from tickets.ticket import Ticket


@dataclass(frozen=True)
class AggregateOf:
    """What a service owns, and what it tells the others of it."""

    service: str
    collection: str
    shape: type[Aggregate | Event]
    """What each document must be; of users, whose secrets stay where they are, the event says it."""
    events: tuple[type[Event], ...]
    told_in: frozenset[str] | None = None
    """The statuses that others are told of; None: they are told of each change."""

    @property
    def name(self) -> str:
        return f"{self.service} {self.collection}"

    def has_to_be_told(self, document: Document) -> bool:
        return self.told_in is None or document.get("status") in self.told_in

    def state(self, document: Document) -> dict[str, Any]:
        """What an event about this document has to say. Raises pydantic's ValidationError if it is not in shape."""
        values = {**document, "id": document["_id"]}
        self.shape.model_validate(values, by_name=True)
        return self.events[0].model_validate(values, by_name=True).model_dump()


_ORDER_EVENTS = (OrderCreated, OrderCancelled, OrderCompleted)
_TICKET_EVENTS = (TicketCreated, TicketUpdated)

USERS = AggregateOf("auth", "users", UserRegistered, (UserRegistered,))
TICKETS = AggregateOf("tickets", "tickets", Ticket, _TICKET_EVENTS)
ORDERS = AggregateOf("orders", "orders", Order, _ORDER_EVENTS)
DEADLINES = AggregateOf(
    "expiration", "deadlines", Deadline, (ExpirationCompleted,), frozenset({DeadlineStatus.COMPLETED.value})
)
PAYMENTS = AggregateOf(
    "payments",
    "payments",
    Payment,
    (PaymentCreated, PaymentRefunded),
    frozenset({PaymentStatus.CAPTURED.value, PaymentStatus.REFUNDED.value}),
)
AGGREGATES = (USERS, TICKETS, ORDERS, DEADLINES, PAYMENTS)


@dataclass(frozen=True)
class ReadModelOf:
    """One service's copy of another service's aggregates."""

    service: str
    collection: str
    read_model: type[ReadModel]
    original: AggregateOf

    @property
    def events(self) -> tuple[type[Event], ...]:
        return self.original.events

    @property
    def name(self) -> str:
        return f"{self.service} {self.collection}"

    @property
    def rule(self) -> str:
        """What the audit calls it."""
        return f"{self.name} equal what {self.original.service} has"

    def of(self, document: Document) -> Document:
        """What the read model of this document of the owner has to be."""
        event = self.events[0].model_validate({**document, "id": document["_id"]}, by_name=True)
        return self.read_model.from_event(event).to_document()


READ_MODELS = (
    ReadModelOf("tickets", "order_replicas", HoldingOrder, ORDERS),
    ReadModelOf("orders", "ticket_replicas", TicketReadModel, TICKETS),
    ReadModelOf("payments", "order_replicas", PayableOrder, ORDERS),
)
