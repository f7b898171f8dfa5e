"""If NATS cannot be reached, no event can be published. So each route that publishes answers 503 and stores nothing."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from common.tests.services import CREATING, SOME_ID, ServiceUnderTest

from common.domain.ids import new_id
from common.messaging.broker import Broker
from common.messaging.provisioning import provision_streams
from common.storage.mongo import MongoDriver
from devkit.servers.mongod import Mongod
from devkit.servers.nats_server import NatsServer
from devkit.servers.ports import free_port
from devkit.testing.eventually import eventually
from devkit.testing.keys import KeyPair
from devkit.testing.problem_details import assert_problem
from devkit.testing.running import RunningService, Surroundings, somebody

# Refused requests never reach the database, so one driver is enough.
pytestmark = [pytest.mark.parametrize("driver", ["motor"]), pytest.mark.parametrize("service", CREATING, ids=str)]

CHANGING = {"post", "put", "patch", "delete"}
PUBLISHES_NOTHING = {"/api/users/signin", "/api/users/signout"}


@pytest.fixture
async def own_nats_server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """A server that only this test uses, so that it may kill it."""
    async with NatsServer(tmp_path / "nats", free_port()) as server:
        yield server


@pytest.fixture
async def surroundings(
    mongod: Mongod, own_nats_server: NatsServer, driver: MongoDriver, keys: KeyPair
) -> AsyncIterator[Surroundings]:
    broker = Broker(own_nats_server.url, "test")
    await broker.connect()
    await provision_streams(broker.jetstream)
    yield Surroundings(mongod.url, own_nats_server.url, driver, keys, broker, new_id())
    await broker.close()


async def test_each_route_that_publishes_answers_503_without_the_broker(
    service: ServiceUnderTest, running: RunningService, own_nats_server: NatsServer
) -> None:
    """The routes come from the OpenAPI document, so that new routes are tested, too."""
    client = running.client(somebody())
    document = (await client.get(f"/api/docs/{service.spec.name}/openapi.json")).json()
    routes = [
        (method, re.sub(r"{\w+}", SOME_ID, path))
        for path, methods in document["paths"].items()
        for method in methods.keys() & CHANGING
        if path not in PUBLISHES_NOTHING
    ]
    assert ("post", service.requests.creates_at) in routes
    await own_nats_server.kill()

    async def noticed() -> bool:
        return not running.runtime.broker.is_connected

    await eventually(noticed, what="the service notices that NATS is gone")
    for method, path in routes:
        body: Any = None if method == "delete" else service.requests.body
        problem = assert_problem(await client.request(method, path, json=body), 503, f"{method} {path}")
        assert "broker" in problem["detail"], f"{method} {path}"
    database = running.runtime.mongo.database
    for name in await database.list_collection_names():  # type: ignore[attr-defined] # both drivers have it
        assert await database[name].count_documents({}) == 0, f"something is stored in {name}"
