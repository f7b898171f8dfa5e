"""Published by expiration."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from common.events.base import Category, Event


class DeadlineEvent(Event):
    """A deadline has the id of its order."""

    publisher: ClassVar = "expiration"
    aggregate: ClassVar = "expiration"
    category: ClassVar = Category.GENERAL

    id: str = Field(description="The order's id.")
    expires_at: datetime = Field(description="The deadline, UTC.")


class ExpirationCompleted(DeadlineEvent):
    """The order's time to pay has run out."""

    fact: ClassVar = "completed"


class DeadlineAlarm(DeadlineEvent):
    """The bell that the broker rings for expiration itself when a deadline is due; nobody else hears it.

    It is a timer message and no fact: whether the deadline still stands is looked up when it rings.
    """

    fact: ClassVar = "alarm"
