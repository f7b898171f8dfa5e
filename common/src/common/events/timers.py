"""Timers are messages that a service sends to itself for a later time.

The service publishes the timer together with the time at which it wants to receive the timer. At this time, the broker
delivers the timer to the service. A timer is not an event, because it does not report something that has happened. When
the service receives the timer, the service decides whether there is still something to do.
"""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from common.domain.event import Message


class Timer(Message):
    """The base class of timers.

    A service publishes a timer on `schedule_subject`. When the time of the timer has come, the broker publishes the
    timer on `subject`, and the service receives the timer there.
    """

    @classmethod
    def schedules(cls) -> str:
        """Return the wildcard subject that matches the `schedule_subject` of each timer of this type.

        The service publishes its timers on these subjects, so its NATS user needs the permission to do this.
        """
        return f"{cls.aggregate}.schedule.*"

    @property
    def schedule_subject(self) -> str:
        """The subject on which the service publishes this timer.

        The subject ends with the aggregate's id, and the broker stores only one timer per schedule subject. So if the
        service publishes a second timer for the same aggregate, the second timer replaces the first.
        """
        return f"{self.aggregate}.schedule.{self.id}"


class DeadlineTimer(Timer):
    """The broker delivers this timer when the time to pay for an order is over. The timer's id is the order's id."""

    publisher: ClassVar = "expiration"
    aggregate: ClassVar = "expiration"
    fact: ClassVar = "alarm"  # this old name must not change, because timers that the broker has stored contain it

    id: str = Field(description="The order's id.")
    expires_at: datetime = Field(description="The deadline, UTC.")
