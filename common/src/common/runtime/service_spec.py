"""The description of a service: everything that the platform needs to know to run, route, provision and audit it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI

from common.domain.aggregate import Aggregate
from common.domain.event import Event
from common.messaging.consumer import Consumer
from common.runtime.settings import ServiceSettings
from common.storage.collection import Document
from common.storage.read_model import ReadModel


@dataclass(frozen=True)
class AggregateSpec:
    """A collection of aggregates that the service owns."""

    collection: str
    aggregate: type[Aggregate[Any]]
    events: tuple[type[Event], ...]
    event_per_version: bool = True
    """Whether each change of the version publishes an event. Otherwise some changes are known to the service alone."""
    secrets: dict[str, Any] = field(default_factory=dict)
    """Fields that no command reads from the database, each with a value to read the document with."""

    def read(self, document: Document) -> Aggregate[Any]:
        """Raises pydantic's ValidationError if the document does not have the aggregate's fields."""
        return self.aggregate.from_document({**self.secrets, **document})


@dataclass(frozen=True)
class ReadModelSpec:
    """A collection in which the service keeps what it needs of another service's aggregates."""

    collection: str
    read_model: type[ReadModel]
    of: str
    """The aggregate that is copied, as its events name it: "order"."""


@dataclass(frozen=True)
class ServiceSpec:
    name: str
    """The name of the service. Its package, its database and its NATS user have the same name."""
    summary: str
    """One sentence that says what a user can do with this service."""
    create_app: Callable[..., FastAPI]
    settings: type[ServiceSettings]
    consumers: tuple[Consumer[Any], ...] = ()
    aggregates: tuple[AggregateSpec, ...] = ()
    read_models: tuple[ReadModelSpec, ...] = ()
    other_collections: tuple[str, ...] = ()
    """Other collections of the service that the audit reads. Their documents have no common format."""
    routes: tuple[str, ...] = ()
    """The gateway sends requests for these paths, and for all paths below them, to this service."""
    serves_front_page: bool = False
    """If true, the gateway also sends requests for the path "/" to this service."""
    reads_streams: bool = False
    """If true, the service reads events from the streams, outside of its consumers. NATS has to permit that."""
