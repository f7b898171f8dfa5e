"""The base classes of every event and of every timer.

An event reports a fact, which means something that has happened to one aggregate. The event also contains the part of
the aggregate's state that other services may copy. A timer is a message that a service sends to itself for a later time
(see common.events.timers).
"""

from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Category(StrEnum):
    """The category of an event decides which NATS stream stores the event (see common.messaging.streams)."""

    DOMAIN = "domain-specific"
    """An event about the trade with tickets. These are the events of tickets, orders and payments."""
    GENERAL = "general"
    """Any other event, for example the registration of a user."""


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
        """Return the name of this message type, for example `order.created`.

        The NATS subject of each message of this type begins with this name.
        """
        return f"{cls.aggregate}.{cls.fact}"

    @classmethod
    def subjects(cls) -> str:
        """Return the wildcard subject that matches all messages of this type, for example `order.created.*`.

        The `*` stands for the aggregate's id.
        """
        return f"{cls.type_name()}.*"

    @property
    def subject(self) -> str:
        """The subject on which this message is published.

        The subject ends with the aggregate's id. So a reader of the stream can read the events of only one aggregate.
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

    A new version of an event class may only add optional fields. For any other change, we add a new event class with a
    new subject (for example "created-v2"), because older versions of the consumers may not understand the changed
    event. The service then publishes both events until no consumer needs the old event.
    """

    category: ClassVar[Category]

    def agrees_with(self, other: "Event") -> bool:
        """Return True if both events report the same fact.

        They have the same type, and equal values in all fields that both of them contain. An event may lack newer
        fields, because an older version of the code has published it.
        """
        both = self.model_fields_set & other.model_fields_set
        return type(self) is type(other) and all(getattr(self, name) == getattr(other, name) for name in both)
