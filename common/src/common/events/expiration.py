"""The event that the expiration service publishes."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from common.domain.event import Category, Event


class ExpirationCompleted(Event):
    """The time to pay for an order is over. The orders service then cancels the order if it is still open."""

    publisher: ClassVar = "expiration"
    aggregate: ClassVar = "expiration"
    fact: ClassVar = "completed"
    category: ClassVar = Category.GENERAL

    id: str = Field(description="The order's id.")
    version: int = Field(ge=1, description="The version of the deadline, not of the order.")
    expires_at: datetime = Field(description="The deadline, UTC.")
