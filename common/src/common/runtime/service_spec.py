"""The classes with which each service describes itself.

From this description, the command `marketplace` knows how to start the service, which requests the gateway sends to the
service, which consumers and permissions the service needs at NATS, and which of its data to audit.
"""

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
    """True if the service publishes an event for each version of an aggregate. False if some changes have no event."""
    secrets: dict[str, Any] = field(default_factory=dict)
    """The fields that contain secrets, for example the hash of a password. The operator's commands do not read them.

    The value of each field is a placeholder. `read` uses the placeholder if the document does not have the field.
    """

    def read(self, document: Document) -> Aggregate[Any]:
        """Make an aggregate from a document that may have no secret fields.

        Raises pydantic's ValidationError if another field of the aggregate is missing or invalid.
        """
        return self.aggregate.from_document({**self.secrets, **document})


@dataclass(frozen=True)
class ReadModelSpec:
    """A collection of read models. A read model is a copy of the data that a service needs from another service."""

    collection: str
    read_model: type[ReadModel]
    of: str
    """The name of the copied aggregate, for example "order". The events of this aggregate contain the same name."""


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
    """The gateway sends requests for these paths to this service, and also requests for all paths below them."""
    serves_front_page: bool = False
    """If true, the gateway also sends requests for the path "/" to this service."""
    reads_streams: bool = False
    """If true, the service also reads events directly from the streams, without a consumer.

    Its NATS user then gets the permission for this.
    """
