"""pytest fixtures: the real servers, started by the test process on free ports, and fresh streams for each test."""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import get_args

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

_DRIVERS: tuple[MongoDriver, ...] = get_args(MongoDriver)


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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--driver",
        choices=_DRIVERS,
        help="The MongoDB driver of all tests. Default: motor, and both drivers for tests marked both_drivers.",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that has a database with one driver, or with both if it is marked."""
    if "driver" not in metafunc.fixturenames or _parametrizes_drivers(metafunc.definition):
        return
    both = metafunc.definition.get_closest_marker("both_drivers") is not None
    chosen: MongoDriver | None = metafunc.config.getoption("--driver")
    metafunc.parametrize(
        "driver", [chosen] if chosen else _DRIVERS if both else _DRIVERS[:1], indirect=True, scope="session"
    )


def _parametrizes_drivers(test: pytest.Item) -> bool:
    return any("driver" in str(mark.args[0]) for mark in test.iter_markers("parametrize"))


@pytest.fixture(scope="session")
def driver(request: pytest.FixtureRequest) -> MongoDriver:
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
