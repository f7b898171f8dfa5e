"""A timer scheduler that records which timers were set. They never fire."""

from dataclasses import dataclass, field

from common.domain.errors import DependencyUnavailable
from common.domain.ids import OrderId
from expiration.deadline import Deadline


@dataclass
class FakeTimers:
    scheduled: list[OrderId] = field(default_factory=list)
    unavailable: bool = False

    async def schedule(self, deadline: Deadline) -> None:
        if self.unavailable:
            raise DependencyUnavailable("The message broker does not answer.")
        self.scheduled.append(OrderId(deadline.id))
