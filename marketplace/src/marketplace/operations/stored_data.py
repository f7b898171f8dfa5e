"""Lists what each service stores: the aggregates that it owns, and its read models (copies of other services' data).

The lists come from the SPEC of each service.
"""

from dataclasses import dataclass
from typing import Any

from common.domain.event import Event
from common.runtime.service_spec import AggregateSpec, ReadModelSpec
from common.storage.collection import Document
from common.storage.read_model import ReadModel
from marketplace.registry import SERVICES


@dataclass(frozen=True)
class OwnedAggregates:
    """One collection of aggregates, in the database of the service that owns them."""

    service: str
    spec: AggregateSpec

    @property
    def collection(self) -> str:
        return self.spec.collection

    @property
    def events(self) -> tuple[type[Event], ...]:
        return self.spec.events

    @property
    def name(self) -> str:
        return f"{self.service} {self.collection}"

    def is_published(self, document: Document) -> bool:
        """Return True if other services must know this document, so that there must be an event with its state.

        For example, the result is False for an open payment, because a payment has no event before it is captured.
        Raises pydantic's ValidationError if the document cannot be parsed.
        """
        return self.spec.read(document).current_event() is not None

    def state(self, document: Document) -> dict[str, Any]:
        """Return the state of this document as an event contains it: only the fields that other services may know.

        Raises pydantic's ValidationError if the document cannot be parsed.
        """
        return self.event(document).model_dump()

    def event(self, document: Document) -> Event:
        """Return an event with the state of this document, also if the owner has not published such an event."""
        aggregate = self.spec.read(document)
        event: Event = aggregate.current_event() or aggregate.to_event(self.events[0])
        return event


@dataclass(frozen=True)
class ReadModels:
    """One read model: a collection with copies of another service's aggregates.

    It is in the database of the service that uses the copies.
    """

    service: str
    spec: ReadModelSpec
    original: OwnedAggregates
    """The aggregates that are copied, in the database of their owner."""

    @property
    def collection(self) -> str:
        return self.spec.collection

    @property
    def events(self) -> tuple[type[Event], ...]:
        return self.original.events

    @property
    def read_model(self) -> type[ReadModel]:
        return self.spec.read_model

    @property
    def name(self) -> str:
        return f"{self.service} {self.collection}"

    @property
    def rule(self) -> str:
        """The name of the audit's rule that compares this read model with the data of the owner."""
        return f"{self.name} equal what {self.original.service} has"

    def of(self, document: Document) -> Document:
        """Return the copy that the read model must have of `document`, which is a document of the owner.

        Raises pydantic's ValidationError if `document` cannot be parsed.
        """
        return self.read_model.from_event(self.original.event(document)).to_document()


AGGREGATES = tuple(OwnedAggregates(spec.name, owned) for spec in SERVICES for owned in spec.aggregates)

SANDBOX_CHARGES, SANDBOX_REFUNDS = ("payments", "sandbox_charges"), ("payments", "sandbox_refunds")
OTHER_COLLECTIONS = tuple((spec.name, collection) for spec in SERVICES for collection in spec.other_collections)


def owned(service: str) -> OwnedAggregates:
    """Return the aggregates of this service. Raises ValueError if it owns none, or more than one collection."""
    (found,) = (each for each in AGGREGATES if each.service == service)
    return found


def _original(aggregate: str) -> OwnedAggregates:
    (found,) = (each for each in AGGREGATES if each.events[0].aggregate == aggregate)
    return found


READ_MODELS = tuple(ReadModels(spec.name, kept, _original(kept.of)) for spec in SERVICES for kept in spec.read_models)
