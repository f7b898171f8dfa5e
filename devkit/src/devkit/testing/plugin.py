"""pytest fixtures: the real servers, started by the test process on free ports, and fresh streams for each test."""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest
import structlog
from nats.js.errors import NotFoundError

from common.domain.ids import new_id
from common.messaging.broker import Broker
from common.messaging.provisioning import provision_streams
from common.messaging.streams import STREAMS
from common.storage.mongo import Mongo, MongoDriver
from devkit.servers.mongod import Mongod
from devkit.servers.nats_server import NatsServer
from devkit.servers.ports import free_port
from devkit.testing.events import EventStreams
from devkit.testing.keys import KeyPair
from devkit.testing.running import Surroundings


@pytest.fixture(autouse=True)
def _each_test_starts_with_the_same_logging() -> Iterator[None]:
    """Reset the logging of the process, which commands and services under test configure.

    Tracebacks are plain: structlog's default prints the local variables of each frame, which can take 20 s.
    """
    *processors, _ = structlog.get_config()["processors"]
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*processors, renderer])
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
async def mongod(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mongod]:
    async with Mongod(tmp_path_factory.mktemp("mongod"), free_port()) as server:
        yield server


@pytest.fixture(scope="session")
async def nats_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[NatsServer]:
    async with NatsServer(tmp_path_factory.mktemp("nats"), free_port()) as server:
        yield server


@pytest.fixture(scope="session")
def keys() -> KeyPair:
    return KeyPair.generate()


@pytest.fixture
async def streams(nats_server: NatsServer) -> AsyncIterator[EventStreams]:
    """Empty streams, with methods to publish and to read."""
    broker = Broker(nats_server.url, "test")
    await broker.connect()
    # One stream always stays: with the last one, nats-server deletes the folder of all streams, perhaps too late.
    await broker.jetstream.add_stream(name="NEVER_EMPTY", subjects=["never-empty"])
    for stream in STREAMS:
        with suppress(NotFoundError):
            await broker.jetstream.delete_stream(stream.name)
    await provision_streams(broker.jetstream)
    yield EventStreams(broker)
    await broker.close()


@pytest.fixture(params=["motor", "pymongo"])
def driver(request: pytest.FixtureRequest) -> MongoDriver:
    """Each test that uses it runs once with each driver."""
    chosen: MongoDriver = request.param
    return chosen


@pytest.fixture
async def mongo(mongod: Mongod, driver: MongoDriver) -> AsyncIterator[Mongo]:
    """An empty database."""
    connection = Mongo(mongod.url, f"test-{new_id()}", driver)
    yield connection
    await connection.close()


@pytest.fixture
def surroundings(
    mongod: Mongod, nats_server: NatsServer, streams: EventStreams, driver: MongoDriver, keys: KeyPair
) -> Surroundings:
    return Surroundings(mongod.url, nats_server.url, driver, keys, streams.broker, new_id())
