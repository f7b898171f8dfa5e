"""Fixtures for pytest.

Some fixtures start MongoDB and NATS on free ports, once per test process. The fixtures `mongo` and `streams` give each
test an empty database and empty streams.
"""

from collections.abc import AsyncIterator, Iterator
from typing import get_args

import pytest
import structlog

from common.domain.ids import new_id
from common.storage.mongo import Mongo, MongoDriver
from devkit.servers.mongod import Mongod
from devkit.servers.nats_server import NatsServer
from devkit.servers.ports import free_port
from devkit.testing.events import EventStreams, empty_streams
from devkit.testing.keys import KeyPair
from devkit.testing.running import Surroundings

_DRIVERS: tuple[MongoDriver, ...] = get_args(MongoDriver)


@pytest.fixture(autouse=True)
def _each_test_starts_with_the_same_logging() -> Iterator[None]:
    """Give each test the same configuration of structlog (our library for logging), because tested code changes it.

    We choose plain tracebacks. By default, structlog also prints all local variables, which can take 20 s.
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
    """Create empty streams. With the methods of the result, a test can publish events and read events."""
    async with empty_streams(nats_server) as streams:
        yield streams


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--driver",
        choices=_DRIVERS,
        help="The MongoDB driver of all tests. Without this option, tests use motor, or both if marked both_drivers.",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the MongoDB drivers for each test that uses the fixture `driver`.

    With the option `--driver`, each test runs with this driver. Without the option, a test with the mark `both_drivers`
    runs once with each driver, and any other test runs with motor. This function does not change a test that chooses
    its drivers itself with `parametrize`.
    """
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
    """Create an empty database and a connection to it."""
    connection = Mongo(mongod.url, f"test-{new_id()}", driver)
    yield connection
    await connection.close()


@pytest.fixture
def surroundings(
    mongod: Mongod, nats_server: NatsServer, streams: EventStreams, driver: MongoDriver, keys: KeyPair
) -> Surroundings:
    return Surroundings(mongod.url, nats_server.url, driver, keys, streams.broker, new_id())
