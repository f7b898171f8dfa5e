"""The deadline aggregate: pending → completed (it passed) or dropped (the order did not wait for it)."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from common.domain.aggregate import Aggregate
from common.events.expiration import DeadlineAlarm, ExpirationCompleted
from common.events.orders import OrderEvent, OrderStatus


class DeadlineStatus(StrEnum):
    PENDING = "pending"
    DROPPED = "dropped"
    COMPLETED = "completed"


class Deadline(Aggregate):
    """Has the id of its order, and remembers the version of the order that it has followed."""

    expires_at: datetime
    order_version: int
    status: DeadlineStatus

    @classmethod
    def of_order(cls, event: OrderEvent) -> Self:
        deadline = cls(
            id=event.id, expires_at=event.expires_at, order_version=event.version, status=_status_after(event)
        )
        deadline._change()
        return deadline

    @property
    def is_pending(self) -> bool:
        return self.status is DeadlineStatus.PENDING

    def is_behind(self, event: OrderEvent) -> bool:
        return self.order_version < event.version

    def follow(self, event: OrderEvent) -> None:
        """A completed deadline stays completed: what it said has been said."""
        self.order_version = event.version
        if self.is_pending:
            self.status = _status_after(event)
        self._change()

    def complete(self) -> None:
        self.status = DeadlineStatus.COMPLETED
        self._change(ExpirationCompleted)

    def alarm(self) -> DeadlineAlarm:
        return DeadlineAlarm(id=self.id, version=self.version, expires_at=self.expires_at)


def _status_after(event: OrderEvent) -> DeadlineStatus:
    return DeadlineStatus.PENDING if event.status is OrderStatus.CREATED else DeadlineStatus.DROPPED
