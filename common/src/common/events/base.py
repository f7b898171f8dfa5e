"""What every event is: a fact in the past tense about one aggregate, carrying its whole replicated state."""

from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Category(StrEnum):
    """Decides the stream that keeps the event (common.messaging.streams)."""

    DOMAIN = "domain-specific"
    """One aggregate's business facts."""
    GENERAL = "general"
    """About no one domain; any service could have a use for it."""


class Event(BaseModel):
    """An event is never changed and never redefined by a consumer.

    Its schema grows by optional fields only; unknown fields of a newer publisher are ignored. A breaking change is a
    new fact with its own subject ("created-v2"), published beside the old one until nobody consumes that.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, validate_by_name=True)

    publisher: ClassVar[str]
    aggregate: ClassVar[str]
    fact: ClassVar[str]
    category: ClassVar[Category]
    schema_version: ClassVar[int] = 1

    id: str = Field(description="The aggregate's id.")
    version: int = Field(
        ge=1, description="The aggregate's version after the fact; a newer one wins over an older one."
    )

    @classmethod
    def type_name(cls) -> str:
        """`order.created`: the first two tokens of the subject."""
        return f"{cls.aggregate}.{cls.fact}"

    @classmethod
    def subjects(cls) -> str:
        """The wildcard that matches this event of every aggregate."""
        return f"{cls.type_name()}.*"

    @property
    def subject(self) -> str:
        """Ends with the aggregate's id, so that one aggregate's timeline can be read back from the stream."""
        return f"{self.type_name()}.{self.id}"

    @property
    def event_id(self) -> str:
        """Derived, not drawn: the same fact published twice is one message to the stream."""
        return f"{self.aggregate}-{self.id}-{self.version}"

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True)
