"""A story for each consumer: the state before, and the events in the order in which they happened."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from common.domain.clock import utc_now
from common.domain.event import Message
from common.domain.ids import OrderId, PaymentId, TicketId, UserId
from common.events.expiration import ExpirationCompleted
from common.events.orders import OrderedTicket
from common.events.payments import PaymentCreated
from common.events.tickets import TicketCreated, TicketUpdated
from common.events.timers import DeadlineTimer
from devkit.testing.samples import order_events
from expiration.service import ExpirationService
from orders.order import Order
from orders.service import OrderService
from payments.payment import Payment, PaymentStatus
from payments.service import PaymentService
from tickets.service import TicketService
from tickets.ticket import Ticket

TICKET = TicketId("65f0c0ffee00000000000010")
ORDER = OrderId("65f0c0ffee00000000000020")
PAYMENT = PaymentId("65f0c0ffee00000000000030")
SELLER = UserId("65f0c0ffee00000000000001")
BUYER = UserId("65f0c0ffee00000000000002")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
ORDER_CREATED, ORDER_CANCELLED, ORDER_COMPLETED = order_events(TICKET, buyer=BUYER, order_id=ORDER)
OVERDUE_CREATED, _, _ = order_events(TICKET, buyer=BUYER, order_id=ORDER, due_in=timedelta(seconds=-1))


@dataclass(frozen=True)
class Story:
    events: tuple[Message, ...]
    before: Callable[[Any], Awaitable[None]]


async def a_ticket_for_sale(tickets: TicketService) -> None:
    await tickets._tickets.add(Ticket(id=TICKET, title="Concert", price=1999, user_id=SELLER, version=1))


async def an_open_order(orders: OrderService) -> None:
    ticket = OrderedTicket(id=TICKET, title="Concert", price=1999)
    await orders._orders.add(Order(id=ORDER, user_id=BUYER, ticket=ticket, expires_at=LONG_AGO, version=1))


async def an_overdue_deadline(expiration: ExpirationService) -> None:
    await expiration.follow_order(OVERDUE_CREATED)


async def a_captured_payment(payments: PaymentService) -> None:
    await payments._orders.apply(ORDER_CREATED)
    charge = await payments._gateway.charge(payment_id=PAYMENT, amount=1999, token="pm_card_visa")
    await payments._payments.add(
        Payment(
            id=PAYMENT,
            order_id=ORDER,
            user_id=BUYER,
            amount=1999,
            status=PaymentStatus.CAPTURED,
            token=None,
            charge_id=charge,
            begun_at=LONG_AGO,
            version=2,
        )
    )


async def nothing(_use_cases: object) -> None: ...


_PAID = PaymentCreated(id=PAYMENT, version=2, status=PaymentStatus.CAPTURED, order_id=ORDER, user_id=BUYER, amount=1999)
_LISTED = TicketCreated(id=TICKET, version=1, title="Concert", price=1999, user_id=SELLER)
_CHANGED = [
    TicketUpdated(id=TICKET, version=version, title=f"Concert {version}", price=1999, user_id=SELLER)
    for version in (2, 3)
]

STORIES: dict[str, Story] = {
    "tickets-hold-ticket-on-order-created": Story((ORDER_CREATED,), a_ticket_for_sale),
    "tickets-release-ticket-on-order-cancelled": Story((ORDER_CREATED, ORDER_CANCELLED), a_ticket_for_sale),
    "tickets-keep-ticket-sold-on-order-completed": Story((ORDER_CREATED, ORDER_COMPLETED), a_ticket_for_sale),
    "orders-replicate-ticket": Story((_LISTED, *_CHANGED), nothing),
    "orders-complete-order-on-payment-created": Story((_PAID,), an_open_order),
    "orders-expire-order-on-expiration-completed": Story(
        (ExpirationCompleted(id=ORDER, version=2, expires_at=LONG_AGO),), an_open_order
    ),
    "expiration-arm-deadline-on-order-created": Story((ORDER_CREATED,), nothing),
    "expiration-drop-deadline-on-order-closed": Story((ORDER_CREATED, ORDER_CANCELLED), nothing),
    "expiration-complete-deadline-on-alarm": Story(
        (DeadlineTimer(id=ORDER, version=1, expires_at=utc_now()),), an_overdue_deadline
    ),
    "payments-accept-payments-on-order-created": Story((ORDER_CREATED,), nothing),
    "payments-refund-payment-on-order-cancelled": Story((ORDER_CREATED, ORDER_CANCELLED), a_captured_payment),
    "payments-settle-payment-on-order-completed": Story((ORDER_CREATED, ORDER_COMPLETED), a_captured_payment),
}
"""By the name of the consumer. Other consumers of the service may handle some of the events."""
