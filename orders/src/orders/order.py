"""The order aggregate: created → completed or cancelled, and both of these are final."""

from datetime import datetime
from typing import Self

from common.domain.aggregate import Aggregate
from common.domain.errors import Conflict, NotTheOwner
from common.domain.ids import OrderId, PaymentId, UserId, new_id
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated, OrderedTicket, OrderStatus


class NotTheBuyer(NotTheOwner):
    """Only its buyer can see or cancel an order."""

    slug = "not-the-buyer"
    title = "Somebody else placed this order"


class OrderNotOpen(Conflict):
    """A completed or cancelled order stays what it is."""

    slug = "order-not-open"
    title = "The order is not open any more"


class Order(Aggregate):
    user_id: UserId
    ticket: OrderedTicket
    expires_at: datetime
    status: OrderStatus = OrderStatus.CREATED
    payment_id: PaymentId | None = None
    late_payment_id: PaymentId | None = None
    request_key: str | None = None
    """The request that placed it, if it came with a key: the same request finds this order, and places no other."""

    @classmethod
    def place(
        cls, *, buyer: UserId, ticket: OrderedTicket, expires_at: datetime, request_key: str | None = None
    ) -> Self:
        order = cls(id=OrderId(new_id()), user_id=buyer, ticket=ticket, expires_at=expires_at, request_key=request_key)
        order._change(OrderCreated)
        return order

    @property
    def is_open(self) -> bool:
        return self.status is OrderStatus.CREATED

    def is_overdue(self, now: datetime) -> bool:
        return self.is_open and self.expires_at <= now

    def check_buyer(self, user_id: UserId) -> None:
        if user_id != self.user_id:
            raise NotTheBuyer("Only its buyer can see or cancel an order.")

    def cancel(self) -> None:
        """Given up, or expired. Raises OrderNotOpen."""
        self._leave_open(OrderStatus.CANCELLED)
        self._change(OrderCancelled)

    def note_late_payment(self, payment_id: PaymentId) -> None:
        """A payment that came when the order was cancelled already, for its timeline; payments refunds it.

        No change of state, so neither a new version nor an event.
        """
        self.late_payment_id = payment_id

    def complete(self, payment_id: PaymentId) -> None:
        """Paid. Raises OrderNotOpen."""
        self._leave_open(OrderStatus.COMPLETED)
        self.payment_id = payment_id
        self._change(OrderCompleted)

    def _leave_open(self, status: OrderStatus) -> None:
        if not self.is_open:
            raise OrderNotOpen(f"The order is {self.status}, which is final.")
        self.status = status
