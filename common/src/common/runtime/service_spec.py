"""The classes with which each service describes itself.

The description is an object of the class ServiceSpec. The command `marketplace` reads it to do the following:

- start the service
- configure the gateway, so that it sends the right requests to the service
- create the service's consumers at NATS, and give the service its permissions there
- audit the service's data, which means to check if the data of all services fit together
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI

from common.domain.aggregate import Aggregate
from common.domain.event import Event
from common.messaging.consumer import Consumer
from common.messaging.streams import Stream
from common.runtime.settings import ServiceSettings
from common.storage.collection import Document
from common.storage.read_model import ReadModel


@dataclass(frozen=True)
class AggregateSpec:
    """Describes one MongoDB collection. It contains aggregates of one class, and the service owns these aggregates."""

    collection: str
    aggregate: type[Aggregate[Any]]
    events: tuple[type[Event], ...]
    event_per_version: bool = True
    """True if the service publishes an event for each version of an aggregate. False if some versions have no event.

    If it is true, the audit reports each version that has no event.
    """
    secrets: dict[str, Any] = field(default_factory=dict)
    """Maps the name of each field that contains a secret (for example the hash of a password) to a placeholder.

    The operator's commands, for example `marketplace audit`, do not read these fields from the database. But the class
    of the aggregate requires them. So the method `read` uses the placeholders instead.
    """

    def read(self, document: Document) -> Aggregate[Any]:
        """Make an aggregate from a document. If a secret field is missing in the document, use the field's placeholder.

        Raises pydantic's ValidationError if any other field of the aggregate is missing or invalid.
        """
        return self.aggregate.from_document({**self.secrets, **document})


@dataclass(frozen=True)
class ReadModelSpec:
    """A collection of read models. A read model is a copy of the data that a service needs from another service."""

    collection: str
    read_model: type[ReadModel]
    of: str
    """The name of the copied aggregate, for example "order". The attribute `aggregate` of its events has this value."""


@dataclass(frozen=True)
class ServiceSpec:
    name: str
    """The name of the service. Its package, its database and its NATS user have the same name."""
    summary: str
    """A short text that says what this service does. The page at /api/docs shows it."""
    create_app: Callable[..., FastAPI]
    settings: type[ServiceSettings]
    consumers: tuple[Consumer[Any], ...] = ()
    aggregates: tuple[AggregateSpec, ...] = ()
    read_models: tuple[ReadModelSpec, ...] = ()
    other_collections: tuple[str, ...] = ()
    """Other collections that the command `marketplace audit` reads. They contain neither aggregates nor read models."""
    routes: tuple[str, ...] = ()
    """The paths of this service. The gateway sends requests for them, and for all paths below them, to this service."""
    exact_routes: tuple[str, ...] = ()
    """The paths for which the gateway sends requests to this service, but not the requests for paths below them."""
    event_routes: tuple[str, ...] = ()
    """The paths at which this service answers with server-sent events, an answer without an end.

    The gateway passes on each event at once, and does not end the answer after the usual time.
    """
    reads_streams: tuple[Stream, ...] = ()
    """The service also reads old events directly from these streams, in which NATS stores them.

    The NATS user of the service then gets the permission to do this.
    """
    reads_newest: tuple[type[Event], ...] = ()
    """The service also reads the newest event of these types of an aggregate, and nothing else of their streams.

    The NATS user of the service then gets the permission to do this.
    """
    follows: Stream | None = None
    """Each instance of the service also follows this stream: it learns of every new event (see StreamFollower).

    The NATS user of the service then gets the permission to do this.
    """
    watches_platform: bool = False
    """The service also shows how many events each consumer of the platform still has to handle, and how many dead
    letters there are.

    The NATS user of the service then gets the permission to ask for these numbers. It can change nothing.
    """
