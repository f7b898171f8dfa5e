import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from marketplace.tests.integration.cluster_nats import ClusterNats
from marketplace.tests.integration.cluster_users import AsTheirOwnUsers, connected_as
from marketplace.tests.integration.damaged_story import Story, a_story
from marketplace.tests.integration.operated import Marketplace, a_marketplace, an_operator

from common.domain.ids import new_id
from common.messaging.broker import Broker
from common.storage.mongo import MongoDriver
from devkit.servers import free_port
from devkit.servers.mongod import Mongod
from devkit.servers.nats_server import NatsServer
from devkit.testing.events import EventStreams, empty_streams
from devkit.testing.keys import KeyPair
from devkit.testing.running import Surroundings
from marketplace.operations.operator import Operator
from marketplace.platform import Platform
from marketplace.provisioning import provision_everything
from marketplace.registry import SERVICE_NAMES
from marketplace.settings import PlatformSettings

# Modules that the fake does not replace come from the real package: the command line imports some of them.
_INIT = """
from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
"""


@contextmanager
def fakes_of_services(folder: Path) -> Iterator[Path]:
    """Let child processes import fakes instead of the services. They start fast, and fail if a test wants it."""
    for service in SERVICE_NAMES:
        package = folder / service
        package.mkdir(parents=True)
        (package / "__main__.py").write_text(Path(__file__).with_name("fake_service.py").read_text())
        (package / "__init__.py").write_text(_INIT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *filter(None, sys.path)]))
        yield folder


@pytest.fixture
def fake_services(tmp_path: Path) -> Iterator[Path]:
    with fakes_of_services(tmp_path / "fakes") as folder:
        yield folder


@pytest.fixture
def settings(tmp_path: Path) -> PlatformSettings:
    return PlatformSettings(gateway_port=free_port(in_a_row=30), data_dir=tmp_path / "data")


@pytest.fixture(scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """One platform of fakes for all tests of a file, because its start takes longer than most tests."""
    folder = tmp_path_factory.mktemp("platform")
    settings = PlatformSettings(gateway_port=free_port(in_a_row=30), data_dir=folder / "data")
    with fakes_of_services(folder / "fakes"):
        async with Platform(settings, {"orders": 2}) as platform:
            yield platform


@pytest.fixture
def environment(mongod: Mongod, nats_server: NatsServer, streams: EventStreams) -> dict[str, str]:
    """The variables of a command that uses the servers of the tests."""
    return {**os.environ, "MONGO_URL": mongod.url, "NATS_URL": nats_server.url}


@pytest.fixture(scope="module")
async def shared_marketplace(
    driver: MongoDriver, mongod: Mongod, nats_server: NatsServer, keys: KeyPair
) -> AsyncIterator[Marketplace]:
    """One marketplace for all damages of a file, each of which is undone: a start takes longer than a damage."""
    async with empty_streams(nats_server) as streams:
        surroundings = Surroundings(mongod.url, nats_server.url, driver, keys, streams.broker, new_id())
        async with a_marketplace(surroundings) as marketplace:
            yield marketplace


@pytest.fixture
async def story(shared_marketplace: Marketplace) -> AsyncIterator[Story]:
    story = await a_story(shared_marketplace)
    yield story
    await story.undo_the_damage()


@pytest.fixture
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ClusterNats]:
    """The cluster's NATS with all streams and consumers. Afterwards the test fails if NATS has refused anything."""
    async with ClusterNats(tmp_path_factory.mktemp("cluster-nats")) as server:
        await provision_everything(server.url_of("provisioning"))
        yield server
        assert server.refusals() == []


@pytest.fixture
async def cluster_provisioning(cluster: ClusterNats) -> AsyncIterator[Broker]:
    async with connected_as(cluster, "provisioning") as broker:
        yield broker


@pytest.fixture
def cluster_surroundings(
    cluster: ClusterNats, cluster_provisioning: Broker, mongod: Mongod, keys: KeyPair
) -> Surroundings:
    return AsTheirOwnUsers(
        mongod.url, cluster.url_of("operator"), "motor", keys, cluster_provisioning, new_id(), addresses=cluster.url_of
    )


@pytest.fixture
async def cluster_operator(cluster_surroundings: Surroundings) -> AsyncIterator[Operator]:
    async with an_operator(cluster_surroundings) as connection:
        yield connection


@pytest.fixture
async def cluster_marketplace(cluster_surroundings: Surroundings) -> AsyncIterator[Marketplace]:
    async with a_marketplace(cluster_surroundings) as marketplace:
        yield marketplace
