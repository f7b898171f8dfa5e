"""Connects the commands for operators to the NATS server and the MongoDB server of the platform.

An operator may read all streams, and the databases of all services. A service may read only its own database.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Literal

from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError
from pymongo.errors import OperationFailure, PyMongoError

from common.domain.errors import DependencyUnavailable
from common.messaging.broker import Broker
from common.storage.availability import as_unavailable
from common.storage.collection import Database
from common.storage.mongo import Mongo
from marketplace.errors import PlatformError
from marketplace.ports import port_of
from marketplace.probes import hosts_of
from marketplace.registry import SERVICE_NAMES
from marketplace.settings import PlatformSettings

_CONNECT_TIMEOUT_SECONDS = 5.0

MongoUse = Literal["needed", "optional", "unused"]
"""What a command needs MongoDB for. If it is not needed, the command also works while MongoDB is down."""


@dataclass(frozen=True)
class Operator:
    """The open connections to NATS and to the databases of the services, for one command of an operator."""

    broker: Broker
    databases: Mapping[str, Database]
    """Maps the name of each service to its database. The mapping is empty if there is no connection to MongoDB."""


@asynccontextmanager
async def operator(
    settings: PlatformSettings, databases: Mapping[str, str] | None = None, *, mongo: MongoUse = "needed"
) -> AsyncIterator[Operator]:
    """Connect to NATS and to MongoDB, and close the connections at the end of the `async with` block.

    The addresses of the servers are in `settings`. `databases` maps the name of a service to the name of its database.
    If a service is not in `databases`, its database has the name of the service. With `mongo="unused"`, there is no
    connection to MongoDB. With `mongo="optional"`, there is none if MongoDB does not answer.

    Raises PlatformError if a server does not answer at the start, or later inside the `async with` block.
    """
    mongo_url = (
        settings.mongo_url or f"mongodb://127.0.0.1:{port_of('mongod', settings.gateway_port)}/?w=majority&journal=true"
    )
    nats_url = settings.nats_url or f"nats://127.0.0.1:{port_of('nats', settings.gateway_port)}"
    names = {} if mongo == "unused" else {service: service for service in SERVICE_NAMES} | dict(databases or {})
    broker = Broker(nats_url, "operator")
    connections = {service: Mongo(mongo_url, name, settings.mongo_driver) for service, name in names.items()}
    try:
        with _as_platform_error(nats_url, mongo_url):
            try:
                async with asyncio.timeout(_CONNECT_TIMEOUT_SECONDS):
                    await broker.connect()
            except TimeoutError:
                raise PlatformError(_missing("NATS", nats_url, "NATS_URL")) from None
            answering = connections
            try:
                # We ping only the first database, because all databases are on the same server.
                for first in list(connections.values())[:1]:
                    await first.ping()
            except DependencyUnavailable:
                if mongo == "needed":
                    raise PlatformError(_missing("MongoDB", mongo_url, "MONGO_URL")) from None
                answering = {}
            yield Operator(broker, {service: each.database for service, each in answering.items()})
    finally:
        await broker.close()
        for each in connections.values():
            await each.close()


@contextmanager
def _as_platform_error(nats_url: str, mongo_url: str) -> Iterator[None]:
    """Catch the errors of NATS and MongoDB. Raise PlatformError instead, with a message for the operator."""
    try:
        yield
    except NotFoundError:
        raise PlatformError(
            f"NATS at {_hosts(nats_url)} does not have the platform's streams. Start the platform, or run "
            f"`marketplace provision --nats-url …`."
        ) from None
    except (NatsError, DependencyUnavailable, TimeoutError) as error:
        raise PlatformError(_missing("NATS", nats_url, "NATS_URL")) from error
    except PyMongoError as error:
        if as_unavailable(error) and not isinstance(error, OperationFailure):
            raise PlatformError(_missing("MongoDB", mongo_url, "MONGO_URL")) from error
        raise PlatformError(
            f"MongoDB at {_hosts(mongo_url)} reports an error: {type(error).__name__}: {error}"
        ) from error


def _hosts(url: str) -> str:
    return ", ".join(hosts_of(url))


def _missing(what: str, url: str, variable: str) -> str:
    return f"{what} does not answer at {_hosts(url)}. Start the platform, or set {variable} or GATEWAY_PORT."
