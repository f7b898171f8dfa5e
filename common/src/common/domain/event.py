"""The base of every event: a fact in the past tense about one aggregate, with the state that others may copy."""

from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Category(StrEnum):
    """Decides which stream keeps the event (common.messaging.streams)."""

    DOMAIN = "domain-specific"
    """A business fact about one aggregate."""
    GENERAL = "general"
    """A fact that any service could use."""


class Message(BaseModel):
    """What events and timers share: an immutable JSON payload about one aggregate, and a subject to publish it on.

    Readers ignore fields that they do not know, so that an older version of a service can read a newer message.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, validate_by_name=True)

    publisher: ClassVar[str]
    """The service that publishes it."""
    aggregate: ClassVar[str]
    fact: ClassVar[str]
    schema_version: ClassVar[int] = 1

    id: str = Field(description="The aggregate's id.")
    version: int = Field(ge=1, description="The aggregate's version after the fact. A newer version replaces an older.")

    @classmethod
    def type_name(cls) -> str:
        """`order.created`: the first two parts of the subject."""
        return f"{cls.aggregate}.{cls.fact}"

    @classmethod
    def subjects(cls) -> str:
        """The wildcard that matches this kind of message for every aggregate."""
        return f"{cls.type_name()}.*"

    @property
    def subject(self) -> str:
        """The subject ends with the aggregate's id, so that all events of one aggregate can be read from the stream."""
        return f"{self.type_name()}.{self.id}"

    @property
    def event_id(self) -> str:
        """Derived from the aggregate and its version: the stream stores a fact once, however often it is published."""
        return f"{self.aggregate}-{self.id}-{self.version}"

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True)


class Event(Message):
    """A fact that has happened.

    New versions of an event only add optional fields. A change that old readers could not understand is a new event
    with a new subject ("created-v2"), published beside the old one until no consumer needs the old one.
    """

    category: ClassVar[Category]
