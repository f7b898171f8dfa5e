"""The base classes of every event and of every timer.

An event reports a fact, which means something that has happened to one aggregate. The event also contains the part of
the aggregate's state that other services may copy.
"""

from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Category(StrEnum):
    """The category of an event decides which stream stores the event (see common.messaging.streams)."""

    DOMAIN = "domain-specific"
    """An event about something that has happened to one aggregate of the marketplace, for example to an order."""
    GENERAL = "general"
    """An event about a fact that any service could use, for example the registration of a user."""


class Message(BaseModel):
    """The common base class of events and timers.

    A message has an immutable JSON payload about one aggregate. It is published on a NATS subject. A reader of the
    message ignores fields that the reader does not know. So an older version of a service can read a newer message.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, validate_by_name=True)

    publisher: ClassVar[str]
    """The name of the service that publishes messages of this type."""
    aggregate: ClassVar[str]
    fact: ClassVar[str]
    schema_version: ClassVar[int] = 1

    id: str = Field(description="The aggregate's id.")
    version: int = Field(ge=1, description="The aggregate's version after the fact. A newer version replaces an older.")

    @classmethod
    def type_name(cls) -> str:
        """Return the first two parts of the subject, for example `order.created`."""
        return f"{cls.aggregate}.{cls.fact}"

    @classmethod
    def subjects(cls) -> str:
        """Return the wildcard that matches the subjects of all messages of this type, for all aggregates."""
        return f"{cls.type_name()}.*"

    @property
    def subject(self) -> str:
        """The subject on which this message is published.

        The subject ends with the aggregate's id, so that all events of one aggregate can be read from the stream.
        """
        return f"{self.type_name()}.{self.id}"

    @property
    def event_id(self) -> str:
        """The id of the message. It consists of the aggregate's name, the aggregate's id and the aggregate's version.

        So the id is the same each time the message is published. If an event is published again within 10 minutes, the
        stream recognises the id and does not store the event a second time.
        """
        return f"{self.aggregate}-{self.id}-{self.version}"

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True)


class Event(Message):
    """A message about something that has happened.

    A new version of an event class may only add optional fields. If old readers would not understand a change, we
    add a new event class with a new subject (for example "created-v2"). The service then publishes both events until no
    consumer needs the old event.
    """

    category: ClassVar[Category]
