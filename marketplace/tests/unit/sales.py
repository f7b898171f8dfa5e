"""Test data of all services: a ticket that is sold, one that is held, and one whose buyer got a refund."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from common.domain.aggregate import Aggregate
from common.domain.clock import utc_now
from common.domain.ids import OrderId, PaymentId, TicketId, UserId, new_id
from common.events.orders import OrderedTicket
from expiration.deadline import Deadline
from marketplace.operations.audit import find_differences
from marketplace.operations.difference import Difference
from marketplace.operations.histories import Histories
from marketplace.operations.snapshot import Snapshot
from marketplace.operations.stored_data import READ_MODELS, SANDBOX_CHARGES, SANDBOX_REFUNDS
from orders.order import CancelReason, Order
from payments.gateway.protocol import ChargeId
from payments.payment import Payment
from tickets.ticket import Ticket

PRICE = 1999


class Sale:
    """A ticket, its order, and the order's payment if there is one."""

    def __init__(self, *, paid: bool) -> None:
        self.ticket = Ticket.list_for_sale(seller=UserId(new_id()), title="Concert", price=PRICE)
        self.order = Order.place(
            buyer=UserId(new_id()),
            ticket=OrderedTicket(id=TicketId(self.ticket.id), title="Concert", price=PRICE, version=1),
            expires_at=utc_now() + timedelta(minutes=15),
        )
        self.deadline = Deadline.of_order(self.order.recorded[0])
        self.ticket.set_holder(OrderId(self.order.id))
        self.payment: Payment | None = None
        if paid:
            self.payment = Payment.begin(
                order_id=OrderId(self.order.id),
                buyer=self.order.user_id,
                amount=PRICE,
                token="pm_card_visa",
                now=utc_now(),
            )
            self.payment.capture(ChargeId("ch_1"))

    def complete(self) -> None:
        assert self.payment is not None
        self.order.complete(PaymentId(self.payment.id))
        self.payment.settle()
        self.deadline.follow(self.order.recorded[-1])

    def cancel(self) -> None:
        assert self.payment is not None
        self.order.cancel(CancelReason.BUYER)
        self.payment.refund()
        self.ticket.set_holder(None)
        self.deadline.follow(self.order.recorded[-1])


class Stored:
    """The stored data of all services about three sales. A test damages a document and runs the audit."""

    def __init__(self) -> None:
        sold, held, refunded = Sale(paid=True), Sale(paid=False), Sale(paid=True)
        sold.complete()
        refunded.cancel()
        self.sold, self.held, self.free = (each.ticket.id for each in (sold, held, refunded))
        self.completed, self.open, self.cancelled = (each.order.id for each in (sold, held, refunded))
        assert sold.payment is not None
        assert refunded.payment is not None
        self.payment, self.refund = sold.payment.id, refunded.payment.id
        self.stored: dict[tuple[str, str], dict[str, dict[str, Any]]] = defaultdict(dict)
        for sale in (sold, held, refunded):
            self._add("tickets", "tickets", sale.ticket)
            self._add("orders", "orders", sale.order)
            self._add("expiration", "deadlines", sale.deadline)
            if sale.payment is not None:
                self._add("payments", "payments", sale.payment)
                charge = {"request": {"amount": PRICE}, "outcome": {"charge_id": "ch_1"}}
                self.stored[SANDBOX_CHARGES][sale.payment.id] = charge
        self.stored[SANDBOX_REFUNDS][f"refund:{self.refund}"] = {}
        self.replicate()

    def ticket(self, key: str) -> dict[str, Any]:
        return self.stored["tickets", "tickets"][key]

    def order(self, key: str) -> dict[str, Any]:
        return self.stored["orders", "orders"][key]

    def payment_document(self, key: str) -> dict[str, Any]:
        return self.stored["payments", "payments"][key]

    def deadline(self, key: str) -> dict[str, Any]:
        return self.stored["expiration", "deadlines"][key]

    def remove(self, service: str, collection: str, key: str) -> None:
        del self.stored[service, collection][key]

    def replicate(self) -> None:
        """Make every read model equal to its owner's data, so that the audit finds only broken rules."""
        for read_model in READ_MODELS:
            originals = self.stored[read_model.original.service, read_model.original.collection]
            copies = {key: read_model.of(original) for key, original in originals.items()}
            self.stored[read_model.service, read_model.collection] = copies

    def differences(self, histories: Histories | None = None) -> list[Difference]:
        """Run the audit. Without `histories`, the streams are empty; then no document equals its events."""
        found = find_differences(Snapshot(utc_now(), self.stored), histories or Histories())
        return [each for each in found if not each.rule.endswith("equal their events")]

    def _add(self, service: str, collection: str, aggregate: Aggregate[Any]) -> None:
        self.stored[service, collection][aggregate.id] = {**aggregate.to_document(), "outbox": []}
