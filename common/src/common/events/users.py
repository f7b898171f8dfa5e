"""Published by auth."""

from typing import ClassVar

from pydantic import Field

from common.domain.event import Category, Event


class UserRegistered(Event):
    """Someone signed up."""

    publisher: ClassVar = "auth"
    aggregate: ClassVar = "user"
    fact: ClassVar = "registered"
    category: ClassVar = Category.GENERAL

    email: str = Field(description="In lower case: e-mail addresses are unique without regard to case.")
