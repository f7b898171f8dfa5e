"""The base class of every aggregate. An aggregate is an object that one service owns and changes as a whole."""

from abc import abstractmethod
from typing import Any, Generic, Self, TypeVar

from pydantic import BaseModel, Field, PrivateAttr

from common.domain.event import Event

E = TypeVar("E", bound=Event)
"""The base class of the events of one type of aggregate, for example OrderEvent for the class Order."""


class Aggregate(BaseModel, Generic[E]):
    """The base class of aggregates. An aggregate is an object that one service owns and changes as a whole.

    An aggregate counts its changes in `version`. If other services need to know about a change, the aggregate also
    records an event. The repository, which writes the aggregate to MongoDB, stores the event in the same document.
    """

    id: str
    version: int = Field(default=0, strict=True)

    _stored_version: int = PrivateAttr(default=0)
    _recorded: list[E] = PrivateAttr(default_factory=list)

    @abstractmethod
    def to_event(self, event_type: type[E]) -> E:
        """Make an event of the type `event_type`, with the part of this aggregate that other services may know."""

    @abstractmethod
    def current_event(self) -> E | None:
        """Make the event that tells other services the current state of the aggregate.

        This method neither records nor publishes the event. The command `marketplace audit` compares the event with the
        newest event that was published. The result is None if no event is published for the current state. For example,
        there is no event for a payment that was declined.
        """

    @classmethod
    def from_event(cls, event: E) -> Self:
        """Make the aggregate in the state that its event `event` reports.

        The command `marketplace restore-done` uses this method if the database lacks this state. Fields that the event
        does not contain get their default values. Raises pydantic's ValidationError if such a field has no default, for
        example the hash of a password.
        """
        return cls._restored(event.model_dump())

    @classmethod
    def _restored(cls, state: dict[str, Any]) -> Self:
        aggregate = cls.model_validate(state)
        aggregate.mark_stored()
        return aggregate

    def _change(self, event_type: type[E] | None = None) -> None:
        """Increase `version` by one. The methods of the subclasses call this method after they have changed the state.

        If `event_type` is not None, this method also records an event of this type. The event is published later, after
        the aggregate was stored. If `event_type` is None, no event is published, so other services do not know about
        the change.
        """
        self.version += 1
        if event_type is not None:
            self._recorded.append(self.to_event(event_type))

    @property
    def recorded(self) -> list[E]:
        """The events that this object has recorded since it was last stored in the database."""
        return self._recorded

    @property
    def stored_version(self) -> int:
        """The version that this object had when it was last read from the database or written to the database.

        The value is 0 for an object that was never stored. A repository writes the object only if the document in
        the database still has this version.
        """
        return self._stored_version

    def mark_stored(self) -> None:
        self._stored_version = self.version
        self._recorded = []

    def to_document(self) -> dict[str, Any]:
        document = self.model_dump()
        document["_id"] = document.pop("id")
        return document

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Make the aggregate that the document contains. Ignore fields that this version of the class does not know.

        Raises pydantic's ValidationError if a field has a wrong value. This is also the case if a field is missing that
        has no default. The version must not be missing, although it has a default for new aggregates.
        """
        return cls._restored({"version": None, **document, "id": document["_id"]})
