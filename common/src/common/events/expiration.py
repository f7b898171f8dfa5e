"""Published by expiration."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from common.domain.event import Category, Event


class ExpirationCompleted(Event):
    """The time to pay for an order is over."""

    publisher: ClassVar = "expiration"
    aggregate: ClassVar = "expiration"
    fact: ClassVar = "completed"
    category: ClassVar = Category.GENERAL

    id: str = Field(description="The order's id.")
    expires_at: datetime = Field(description="The deadline, UTC.")
