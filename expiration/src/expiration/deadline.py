"""The deadline aggregate. A deadline is the time until which the buyer must pay for an order.

A pending deadline becomes completed when the time to pay is over. It becomes dropped if its order is cancelled or paid
earlier.
"""

from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime

from common.domain.aggregate import Aggregate
from common.events.expiration import ExpirationCompleted
from common.events.orders import OrderCreated, OrderEvent
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

        So the deadline accepts each event of its order as a newer event. The deadline still stays completed.
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

        Only the status of a pending deadline can change. A completed deadline stays completed, because the service has
        already published the event ExpirationCompleted (the time to pay is over) and cannot take it back. A dropped
        deadline stays dropped, because an order that was cancelled or paid is never open again.
        """
        self.order_version = event.version
        if self.is_pending:
            self.status = _status_after(event)
        self._change()

    def complete(self) -> None:
        self.status = DeadlineStatus.COMPLETED
        self._change(ExpirationCompleted)

    def timer(self) -> DeadlineTimer:
        return DeadlineTimer(id=self.id, version=self.version, expires_at=self.expires_at)

    def to_event(self, event_type: type[ExpirationCompleted]) -> ExpirationCompleted:
        return event_type(id=self.id, version=self.version, expires_at=self.expires_at)

    def current_event(self) -> ExpirationCompleted | None:
        return self.to_event(ExpirationCompleted) if self.status is DeadlineStatus.COMPLETED else None


def _status_after(event: OrderEvent) -> DeadlineStatus:
    """Return the status that a deadline has after this event of its order.

    After the event OrderCreated, the deadline is pending. After any other event of the order, the deadline is dropped.
    """
    return DeadlineStatus.PENDING if isinstance(event, OrderCreated) else DeadlineStatus.DROPPED
