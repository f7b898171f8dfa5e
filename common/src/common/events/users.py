"""The event that the auth service publishes."""

from typing import ClassVar

from pydantic import Field

from common.domain.event import Category, Event


class UserRegistered(Event):
    """A user signed up."""

    publisher: ClassVar = "auth"
    aggregate: ClassVar = "user"
    fact: ClassVar = "registered"
    category: ClassVar = Category.GENERAL

    email: str = Field(description="In lower case, because addresses that differ only in case count as equal.")
