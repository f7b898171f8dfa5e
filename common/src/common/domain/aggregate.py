"""The base of every aggregate: the object that one service owns and changes as a whole."""

from abc import abstractmethod
from typing import Any, Generic, Self, TypeVar

from pydantic import BaseModel, PrivateAttr

from common.domain.event import Event

E = TypeVar("E", bound=Event)
"""The base class of the aggregate's events."""


class Aggregate(BaseModel, Generic[E]):
    """Counts its changes in `version` and records an event for each change that other services need to know."""

    id: str
    version: int = 0

    _stored_version: int = PrivateAttr(default=0)
    _recorded: list[E] = PrivateAttr(default_factory=list)

    @abstractmethod
    def to_event(self, event_type: type[E]) -> E:
        """Make an event of this type from the state that other services may know."""

    @abstractmethod
    def current_event(self) -> E | None:
        """The event that tells other services the current state; None if they do not know this aggregate yet."""

    def _change(self, event_type: type[E] | None = None) -> None:
        """Count a change that was made, and record its event. Without an event type, nothing is published."""
        self.version += 1
        if event_type is not None:
            self._recorded.append(self.to_event(event_type))

    @property
    def recorded(self) -> list[E]:
        """The events of the changes that are not stored yet."""
        return self._recorded

    @property
    def stored_version(self) -> int:
        """The version that was read. A repository writes only if this is still the stored version."""
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
        aggregate = cls.model_validate({**document, "id": document["_id"]})
        aggregate.mark_stored()
        return aggregate
