"""Lists what each service stores: the aggregates that it owns, and its read models (copies of other services' data).

The lists come from the object SPEC in which each service describes itself.
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
    """One collection of aggregates (for example orders), in the database of the service that owns them."""

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

    @property
    def rule(self) -> str:
        """The name of the rule with which the audit compares these aggregates with their events."""
        return f"{self.name} equal their events"

    def is_published(self, document: Document) -> bool:
        """Return True if the service publishes the state of this document. Then an event with this state must exist.

        For example, the result is False for an open payment, because a payment has no event before it is captured.
        Raises pydantic's ValidationError if the document cannot be parsed.
        """
        return self.spec.read(document).current_event() is not None

    def state(self, document: Document) -> dict[str, Any]:
        """Return only the fields of this document that an event contains.

        The audit compares them with the fields of the newest event. Other fields of the document are never published.

        Raises pydantic's ValidationError if the document cannot be parsed.
        """
        return self.event(document).model_dump()

    def event(self, document: Document) -> Event:
        """Make an event with the state of this document, for a comparison. The event is not published.

        This is also possible if the service never publishes such a state, for example the state of an open payment.
        """
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
    """The original aggregates, in the database of the other service."""

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
        """The name of the rule with which the audit compares this read model with the original data."""
        return f"{self.name} equal what {self.original.service} has"

    def after(self, event: Event) -> Document:
        """Compute what this read model should contain if this is the newest event of an aggregate."""
        return self.read_model.from_event(event).to_document()

    def of(self, document: Document) -> Document:
        """Compute what this read model should contain if the present state of a document is published.

        `document` is the original, as the service that owns the data has stored it.

        Raises pydantic's ValidationError if `document` cannot be parsed.
        """
        return self.after(self.original.event(document))


AGGREGATES = tuple(OwnedAggregates(spec.name, owned) for spec in SERVICES for owned in spec.aggregates)
SERVICES_WITH_AGGREGATES = tuple(dict.fromkeys(owned.service for owned in AGGREGATES))

SANDBOX_CHARGES, SANDBOX_REFUNDS = ("payments", "sandbox_charges"), ("payments", "sandbox_refunds")
OTHER_COLLECTIONS = tuple((spec.name, collection) for spec in SERVICES for collection in spec.other_collections)


def owned(service: str) -> OwnedAggregates:
    """Return the collection of aggregates that this service owns.

    Raises ValueError if the service owns no collection of aggregates, or more than one.
    """
    (found,) = (each for each in AGGREGATES if each.service == service)
    return found


def _original(aggregate: str) -> OwnedAggregates:
    (found,) = (each for each in AGGREGATES if each.events[0].aggregate == aggregate)
    return found


READ_MODELS = tuple(ReadModels(spec.name, kept, _original(kept.of)) for spec in SERVICES for kept in spec.read_models)
