"""The order aggregate. A new order is open.

Later it becomes completed (the buyer has paid) or cancelled. After that, its status never changes again.
"""

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime

from common.domain.errors import Conflict, NotTheOwner
from common.domain.ids import OrderId, PaymentId, UserId, new_id
from common.domain.requested import RequestedAggregate, RequestKey
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated, OrderedTicket, OrderEvent


class OrderStatus(StrEnum):
    CREATED = "created"
    """The order is open. It holds (reserves) the ticket and waits for a payment."""
    CANCELLED = "cancelled"
    COMPLETED = "completed"

    @property
    def is_live(self) -> bool:
        """Return True if the order is open or completed. While an order is live, no other order can get its ticket."""
        return self is not OrderStatus.CANCELLED


class NotTheBuyer(NotTheOwner):
    """Only the buyer of an order can see or cancel it."""

    code = "not-the-buyer"
    title = "Somebody else placed this order"


class OrderNotOpen(Conflict):
    """The order is completed or cancelled, so it cannot change any more."""

    code = "order-not-open"
    title = "The order is not open any more"


class Order(RequestedAggregate[OrderEvent]):
    user_id: UserId
    ticket: OrderedTicket
    expires_at: AwareDatetime
    status: OrderStatus
    payment_id: PaymentId | None = None
    late_payment_id: PaymentId | None = None

    @classmethod
    def place(
        cls, *, buyer: UserId, ticket: OrderedTicket, expires_at: datetime, request_key: RequestKey | None = None
    ) -> Self:
        order = cls(
            id=OrderId(new_id()),
            user_id=buyer,
            ticket=ticket,
            expires_at=expires_at,
            status=OrderStatus.CREATED,
        )
        order._set_request(request_key)
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
        """Cancel the order, because the buyer wants this or because the time to pay is over.

        The caller must check that one of these reasons is true, because this method does not check it. Raises
        OrderNotOpen if the order is already completed or cancelled.
        """
        self._close(OrderStatus.CANCELLED)
        self._change(OrderCancelled)

    def note_late_payment(self, payment_id: PaymentId) -> None:
        """Set the id of a payment that arrived when the order was already cancelled.

        The payments service refunds this payment. With the id, we can show the payment in the timeline of the order
        (the list of events that the buyer can read). No other service needs to know this id. So this method does not
        increase the version of the order, and publishes no event. Without a new version, a repository does not notice
        a concurrent change. This is safe here, because nothing else changes a cancelled order.
        """
        self.late_payment_id = payment_id

    def complete(self, payment_id: PaymentId) -> None:
        """Complete the order, because it is paid. Raises OrderNotOpen if it is already completed or cancelled."""
        self._close(OrderStatus.COMPLETED)
        self.payment_id = payment_id
        self._change(OrderCompleted)

    def _close(self, status: OrderStatus) -> None:
        if not self.is_open:
            raise OrderNotOpen(f"The order is {self.status}, which is final.")
        self.status = status

    def to_event(self, event_type: type[OrderEvent]) -> OrderEvent:
        return event_type(
            id=self.id,
            version=self.version,
            status=self.status.value,
            user_id=self.user_id,
            expires_at=self.expires_at,
            ticket=self.ticket,
            payment_id=self.payment_id,
        )

    def current_event(self) -> OrderEvent:
        return self.to_event(_EVENT_OF[self.status])


_EVENT_OF: dict[OrderStatus, type[OrderEvent]] = {
    OrderStatus.CREATED: OrderCreated,
    OrderStatus.CANCELLED: OrderCancelled,
    OrderStatus.COMPLETED: OrderCompleted,
}
