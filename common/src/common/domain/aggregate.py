"""The base of every aggregate: the thing that one service owns, changes as a whole, and tells the others about."""

from typing import Any, Self

from pydantic import BaseModel, PrivateAttr

from common.events.base import Event


class Aggregate(BaseModel):
    """Counts its own changes in `version` and records the event of each; nothing outside it sets its state."""

    id: str
    version: int = 0

    _stored_version: int = PrivateAttr(default=0)
    _recorded: list[Event] = PrivateAttr(default_factory=list)

    def _change(self, event_type: type[Event] | None = None) -> None:
        """Count a change that has been made, and record its event (None: nobody else needs to know)."""
        self.version += 1
        if event_type is not None:
            self._recorded.append(event_type.model_validate(self.model_dump(), by_name=True))

    @property
    def recorded(self) -> list[Event]:
        """The events of the changes that have not been stored yet."""
        return self._recorded

    @property
    def stored_version(self) -> int:
        """The version that was read: the store writes only if it still is the stored one."""
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
