"""The deadline aggregate. A deadline is the time until which the buyer must pay for an order.

A pending deadline becomes completed when the time to pay is over. It becomes dropped if its order is cancelled or paid
earlier. It moves if the buyer extends the order. A completed deadline becomes pending again if the buyer has extended
the order before the deadline, but the event of the extension arrives after it.
"""

from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime

from common.domain.aggregate import Aggregate
from common.events.expiration import ExpirationCompleted
from common.events.orders import OrderCreated, OrderEvent, OrderExtended
from common.events.timers import DeadlineTimer


class DeadlineStatus(StrEnum):
    PENDING = "pending"
    DROPPED = "dropped"
    COMPLETED = "completed"


class Deadline(Aggregate[ExpirationCompleted]):
    """The time until which an order must be paid. The deadline has the same id as its order.

    `order_version` is the version of the order in the newest event that the service has handled for this deadline.
    """

    expires_at: AwareDatetime
    order_version: int
    status: DeadlineStatus
    reopened_from: AwareDatetime | None = None
    """The time in the last ExpirationCompleted, if the order turned out to be extended after this event."""

    @classmethod
    def of_order(cls, event: OrderEvent) -> Self:
        deadline = cls(
            id=event.id, expires_at=event.expires_at, order_version=event.version, status=_status_after(event)
        )
        deadline._change()
        return deadline

    @classmethod
    def from_event(cls, event: ExpirationCompleted) -> Self:
        """Make the completed deadline that the event reports. The version 0 means that no event of its order is known.

        So the deadline accepts each event of its order as a newer event. The deadline still stays completed, unless its
        order was extended until a later time.
        """
        return cls._restored({**event.model_dump(), "status": DeadlineStatus.COMPLETED, "order_version": 0})

    @property
    def is_pending(self) -> bool:
        return self.status is DeadlineStatus.PENDING

    def is_behind(self, event: OrderEvent) -> bool:
        return self.order_version < event.version

    def follow(self, event: OrderEvent) -> None:
        """Update the deadline after an event of its order.

        The caller must check with `is_behind` that the event has a higher version than `order_version`.

        A pending deadline takes over the time of the event, and is dropped if the order is closed. A completed deadline
        stays completed, because the service has already published the event ExpirationCompleted (the time to pay is
        over) and cannot take it back. The exception is an order that was extended until a later time. The orders
        service has then ignored ExpirationCompleted, so the deadline must be completed once more, at the new time
        (ADR 0020). A dropped deadline stays dropped, because an order that was cancelled or paid is never open again.
        """
        self.order_version = event.version
        if self._is_reopened_by(event):
            self.reopened_from = self.expires_at
            self.status = DeadlineStatus.PENDING
        if self.is_pending:
            self.status = _status_after(event)
            self.expires_at = event.expires_at
        self._change()

    def _is_reopened_by(self, event: OrderEvent) -> bool:
        is_later = isinstance(event, OrderExtended) and event.expires_at > self.expires_at
        return self.status is DeadlineStatus.COMPLETED and is_later

    def complete(self) -> None:
        self.status = DeadlineStatus.COMPLETED
        self._change(ExpirationCompleted)

    def timer(self) -> DeadlineTimer:
        return DeadlineTimer(id=self.id, version=self.version, expires_at=self.expires_at)

    def to_event(self, event_type: type[ExpirationCompleted]) -> ExpirationCompleted:
        return event_type(id=self.id, version=self.version, expires_at=self.expires_at)

    def current_event(self) -> ExpirationCompleted | None:
        if self.status is DeadlineStatus.COMPLETED:
            return self.to_event(ExpirationCompleted)
        if self.reopened_from is not None:  # the last event that was published
            return ExpirationCompleted(id=self.id, version=self.version, expires_at=self.reopened_from)
        return None


def _status_after(event: OrderEvent) -> DeadlineStatus:
    """Return the status that a deadline has after this event of its order.

    After the events OrderCreated and OrderExtended, the deadline is pending. After any other event of the order, the
    deadline is dropped.
    """
    return DeadlineStatus.PENDING if isinstance(event, OrderCreated | OrderExtended) else DeadlineStatus.DROPPED
