"""Whoever runs the platform: may look into every database and every stream, which no service may."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError
from pymongo.errors import PyMongoError

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

_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True)
class Operator:
    broker: Broker
    databases: Mapping[str, Database]
    """By service; none for whoever asks only NATS."""


@asynccontextmanager
async def operator(
    settings: PlatformSettings, databases: Mapping[str, str] | None = None, *, only_nats: bool = False
) -> AsyncIterator[Operator]:
    """Connect to the servers of the platform that these settings describe.

    `databases` are the names of the services' databases, where they are not the services' own names. With `only_nats`
    MongoDB may be down: that is when one wants to know what has piled up. Raises PlatformError if a server is not
    there, or goes away meanwhile.
    """
    mongo_url = (
        settings.mongo_url or f"mongodb://127.0.0.1:{port_of('mongod', settings.gateway_port)}/?w=majority&journal=true"
    )
    nats_url = settings.nats_url or f"nats://127.0.0.1:{port_of('nats', settings.gateway_port)}"
    names = {} if only_nats else {service: service for service in SERVICE_NAMES} | dict(databases or {})
    broker = Broker(nats_url, "operator")
    connections = {service: Mongo(mongo_url, name, settings.mongo_driver) for service, name in names.items()}
    try:
        with _in_words(nats_url, mongo_url):
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await broker.connect()
            except TimeoutError:
                raise PlatformError(_missing("NATS", nats_url, "NATS_URL")) from None
            try:
                for mongo in list(connections.values())[:1]:  # all of them are at one server
                    await mongo.ping()
            except DependencyUnavailable:
                raise PlatformError(_missing("MongoDB", mongo_url, "MONGO_URL")) from None
            yield Operator(broker, {service: mongo.database for service, mongo in connections.items()})
    finally:
        await broker.close()
        for mongo in connections.values():
            await mongo.close()


@contextmanager
def _in_words(nats_url: str, mongo_url: str) -> Iterator[None]:
    """What a server's failure means to a person at a terminal."""
    try:
        yield
    except NotFoundError:
        raise PlatformError(
            f"NATS at {_hosts(nats_url)} has not got the platform's streams. Start the platform, or run "
            f"`marketplace provision --nats-url …`."
        ) from None
    except (NatsError, DependencyUnavailable, TimeoutError) as error:
        raise PlatformError(_missing("NATS", nats_url, "NATS_URL")) from error
    except PyMongoError as error:
        if as_unavailable(error):
            raise PlatformError(_missing("MongoDB", mongo_url, "MONGO_URL")) from error
        raise PlatformError(f"MongoDB at {_hosts(mongo_url)} refuses: {type(error).__name__}: {error}") from error


def _hosts(url: str) -> str:
    return ", ".join(hosts_of(url))


def _missing(what: str, url: str, variable: str) -> str:
    return f"{what} does not answer at {_hosts(url)}. Start the platform, or say where it is: {variable}, GATEWAY_PORT."
