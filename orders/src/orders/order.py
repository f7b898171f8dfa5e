"""The order aggregate. A new order is open.

The buyer can extend an open order a few times. Later it becomes completed (the buyer has paid) or cancelled. After
that, its status never changes again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime

from common.domain.errors import Conflict, NotTheOwner
from common.domain.ids import OrderId, PaymentId, UserId, new_id
from common.domain.requested import RequestedAggregate, RequestKey
from common.events.orders import (
    OrderCancelled,
    OrderCompleted,
    OrderCreated,
    OrderedTicket,
    OrderEvent,
    OrderExtended,
)


class OrderStatus(StrEnum):
    CREATED = "created"
    """The order is open. It holds (reserves) the ticket and waits for a payment."""
    CANCELLED = "cancelled"
    COMPLETED = "completed"

    @property
    def is_live(self) -> bool:
        """Return True if the order is open or completed. While an order is live, no other order can get its ticket."""
        return self is not OrderStatus.CANCELLED


class CancelReason(StrEnum):
    BUYER = "buyer"
    """The buyer has cancelled the order."""
    EXPIRED = "expired"
    """The buyer has not paid in time."""
    WITHDRAWN = "withdrawn"
    """The seller has withdrawn the ticket."""


@dataclass(frozen=True)
class Hold:
    """How long an order reserves its ticket without a payment, and how often its buyer may extend this time."""

    window: timedelta
    extensions: int


class NotTheBuyer(NotTheOwner):
    """Only the buyer of an order can see, extend or cancel it."""

    code = "not-the-buyer"
    title = "Somebody else placed this order"


class OrderNotOpen(Conflict):
    """The order is completed or cancelled, so it cannot change any more."""

    code = "order-not-open"
    title = "The order is not open any more"


class NoExtensionsLeft(Conflict):
    """The buyer has extended the order as often as the platform allows."""

    code = "no-extensions-left"
    title = "The order cannot be extended again"


class Order(RequestedAggregate[OrderEvent]):
    user_id: UserId
    ticket: OrderedTicket
    expires_at: AwareDatetime
    status: OrderStatus
    payment_id: PaymentId | None = None
    late_payment_id: PaymentId | None = None
    window_seconds: int | None = None
    """How long the order reserved its ticket at first. Each extension adds this time. None in older orders."""
    extensions_left: int = 0
    cancel_reason: CancelReason | None = None
    """None if the order is not cancelled, or if an older version of this service has cancelled it."""

    @classmethod
    def place(
        cls,
        *,
        buyer: UserId,
        ticket: OrderedTicket,
        expires_at: datetime,
        hold: Hold | None = None,
        request_key: RequestKey | None = None,
    ) -> Self:
        """Place an order, which reserves its ticket until `expires_at`. Without `hold`, it cannot be extended."""
        order = cls(
            id=OrderId(new_id()),
            user_id=buyer,
            ticket=ticket,
            expires_at=expires_at,
            status=OrderStatus.CREATED,
            window_seconds=int(hold.window.total_seconds()) if hold else None,
            extensions_left=hold.extensions if hold else 0,
        )
        order._set_request(request_key)
        order._change(OrderCreated)
        return order

    @classmethod
    def from_event(cls, event: OrderEvent) -> Self:
        state = event.model_dump()
        if event.extensions_left is None:  # an older version has published the event
            del state["extensions_left"]
        return cls._restored(state)

    @property
    def is_open(self) -> bool:
        return self.status is OrderStatus.CREATED

    def is_overdue(self, now: datetime) -> bool:
        return self.is_open and self.expires_at <= now

    def check_buyer(self, user_id: UserId) -> None:
        if user_id != self.user_id:
            raise NotTheBuyer("Only its buyer can see, extend or cancel an order.")

    def extend(self, now: datetime, *, default_window: timedelta) -> None:
        """Move the deadline for paying by the order's own window.

        An order of an older version does not know its window. Then move the deadline by `default_window`. Raises
        OrderNotOpen if the order is completed or cancelled, or if the time to pay for it is over. Raises
        NoExtensionsLeft if it was extended as often as the platform allows.
        """
        if not self.is_open:
            raise _final(self.status)
        if self.is_overdue(now):
            raise OrderNotOpen("The time to pay this order is over.")
        if self.extensions_left <= 0:
            raise NoExtensionsLeft("This order cannot be extended again. Pay for it before its deadline.")
        window = default_window if self.window_seconds is None else timedelta(seconds=self.window_seconds)
        self.expires_at += window
        self.extensions_left -= 1
        self._change(OrderExtended)

    def cancel(self, reason: CancelReason) -> None:
        """Cancel the order.

        The caller must check that the reason is true, because this method does not check it. Raises OrderNotOpen if the
        order is already completed or cancelled.
        """
        self._close(OrderStatus.CANCELLED)
        self.cancel_reason = reason
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
            raise _final(self.status)
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
            extensions_left=self.extensions_left,
            cancel_reason=self.cancel_reason.value if self.cancel_reason else None,
        )

    def current_event(self) -> OrderEvent:
        if self.is_open:
            # The only change after which an order is still open is an extension.
            return self.to_event(OrderCreated if self.version == 1 else OrderExtended)
        return self.to_event(_EVENT_OF[self.status])


def _final(status: OrderStatus) -> OrderNotOpen:
    return OrderNotOpen(f"The order is {status}, which is final.")


_EVENT_OF: dict[OrderStatus, type[OrderEvent]] = {
    OrderStatus.CANCELLED: OrderCancelled,
    OrderStatus.COMPLETED: OrderCompleted,
}
