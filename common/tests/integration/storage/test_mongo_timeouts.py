"""An operation on a MongoDB that does not answer fails within seconds as unavailable."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest
from common.tests.passing_on import pass_on
from pymongo.errors import PyMongoError, WaitQueueTimeoutError

from common.storage.availability import as_unavailable
from common.storage.collection import Collection, Document
from common.storage.mongo import Mongo, MongoDriver
from devkit.servers import Mongod, free_port

pytestmark = [pytest.mark.slow, pytest.mark.both_drivers]

_SECONDS = 3.5
"""The time limits of 1.5 s and 2 s, and a margin for a busy machine."""
_SLOW: Document = {"_id": 1, "$where": "sleep(1000) || true"}
_VERY_SLOW: Document = {"_id": 1, "$where": "sleep(10000) || true"}

Connect = Callable[[str], Collection]


@pytest.fixture
async def mongod(tmp_path: Path) -> AsyncIterator[Mongod]:
    server = Mongod(tmp_path, free_port())
    await server.start()
    yield server
    await server.kill()  # ends everything that still waits for it


@pytest.fixture
async def connect(driver: MongoDriver) -> AsyncIterator[Connect]:
    """Opens connections, and closes them after the test. Returns a collection of each."""
    connections: list[Mongo] = []

    def connect(url: str) -> Collection:
        connections.append(Mongo(url, "shop", driver))
        return connections[-1].database["things"]

    yield connect
    for connection in connections:
        await connection.close()


async def test_an_operation_on_an_open_connection_to_a_paused_mongod_fails(connect: Connect, mongod: Mongod) -> None:
    things = connect(mongod.url)
    await things.find_one({"_id": 1})
    mongod.pause()
    await _fails_as_unavailable(things.insert_one({"name": "thing"}))


async def test_an_operation_that_mongod_does_not_answer_fails(connect: Connect, mongod: Mongod) -> None:
    """Meanwhile, mongod answers other operations, so the driver does not assume that the server has failed."""
    things = connect(mongod.url)
    await things.insert_one({"_id": 1})
    await _fails_as_unavailable(things.update_one(_VERY_SLOW, {"$set": {"name": "thing"}}))


async def test_an_operation_that_needs_a_connection_to_a_lost_host_fails(mongod: Mongod, driver: MongoDriver) -> None:
    """The first operation uses the open connection. The second one waits for a new connection to the host."""
    async with _Entrance(mongod.port) as entrance:
        mongo = Mongo(f"mongodb://127.0.0.1:{entrance.port}", "shop", driver)
        things = mongo.database["things"]
        await things.insert_one({"_id": 1})
        await entrance.shut()
        slow = things.update_one(_SLOW, {"$set": {"name": "first"}})
        try:
            await asyncio.gather(
                slow, _fails_as_unavailable(things.update_one({"_id": 1}, {"$set": {"name": "second"}}))
            )
        finally:
            await mongo.close()


async def test_an_operation_for_which_no_server_is_found_fails(connect: Connect) -> None:
    await _fails_as_unavailable(connect(f"mongodb://127.0.0.1:{free_port()}").find_one({"_id": 1}))


async def test_an_operation_for_which_no_connection_becomes_free_fails(connect: Connect, mongod: Mongod) -> None:
    """Five operations of 1 s each share one connection."""
    things = connect(f"mongodb://127.0.0.1:{mongod.port}/?maxPoolSize=1")
    await things.insert_one({"_id": 1})
    writes = [things.update_one(_SLOW, {"$set": {"name": "thing"}}) for _ in range(5)]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    waited_in_vain = [each for each in outcomes if isinstance(each, WaitQueueTimeoutError)]
    assert waited_in_vain, "some have waited for more than 2 s"
    assert all(map(as_unavailable, waited_in_vain))


async def _fails_as_unavailable(operation: Awaitable[object]) -> None:
    with pytest.raises(PyMongoError) as failed:
        async with asyncio.timeout(_SECONDS):
            await operation
    assert as_unavailable(failed.value), repr(failed.value)


class _Entrance:
    """A proxy to mongod. After shut(), it does not answer new connections, as if the host were lost."""

    def __init__(self, mongod_port: int) -> None:
        self._mongod_port = mongod_port
        self._connections: list[asyncio.Task[None]] = []
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._accepting = asyncio.create_task(self._accept())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._accepting.cancel()
        self._listener.close()
        for writer in self._writers:
            writer.close()
        await asyncio.gather(self._accepting, *self._connections, return_exceptions=True)

    async def shut(self) -> None:
        self._accepting.cancel()
        with suppress(TimeoutError):
            while True:  # the kernel accepts a few connections for the server, and then drops the others
                async with asyncio.timeout(0.2):
                    self._writers.append((await asyncio.open_connection("127.0.0.1", self.port))[1])

    async def _accept(self) -> None:
        while True:
            accepted, _ = await asyncio.get_running_loop().sock_accept(self._listener)
            from_driver, to_driver = await asyncio.open_connection(sock=accepted)
            from_mongod, to_mongod = await asyncio.open_connection("127.0.0.1", self._mongod_port)
            self._writers += [to_driver, to_mongod]
            for reader, writer in ((from_driver, to_mongod), (from_mongod, to_driver)):
                self._connections.append(asyncio.create_task(pass_on(reader, writer)))
