"""Timers: messages that the broker delivers back to the service that published them, at a time of its choice.

A timer states no fact, so it is no event. Whether the fact is still due is decided when the timer fires.
"""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from common.domain.event import Message


class Timer(Message):
    """Published to its schedule subject; the broker publishes it to `subject` when it fires."""

    @classmethod
    def schedules(cls) -> str:
        """The wildcard that matches the schedule subjects of all timers of this kind."""
        return f"{cls.aggregate}.schedule.*"

    @property
    def schedule_subject(self) -> str:
        """There is one schedule per subject: a second timer for the same aggregate replaces the first."""
        return f"{self.aggregate}.schedule.{self.id}"


class DeadlineTimer(Timer):
    """Fires when the time to pay for an order is over. Its id is the order's id."""

    publisher: ClassVar = "expiration"
    aggregate: ClassVar = "expiration"
    fact: ClassVar = "alarm"  # the name on the wire since the first release

    id: str = Field(description="The order's id.")
    expires_at: datetime = Field(description="The deadline, UTC.")
