"""How the process of a service ends: its exit codes."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from common.storage.mongo import Mongo
from devkit.testing.process import ServiceProcess, environment_of
from devkit.testing.running import Surroundings
from tickets.spec import SPEC

pytestmark = pytest.mark.slow


@pytest.fixture
async def database(surroundings: Surroundings) -> AsyncIterator[Mongo]:
    """The database of the process."""
    mongo = Mongo(surroundings.mongo_url, f"tickets-{surroundings.run_id}", surroundings.driver)
    yield mongo
    await mongo.close()


@pytest.fixture
def process(surroundings: Surroundings, tmp_path: Path) -> ServiceProcess:
    environment = environment_of(
        SPEC,
        mongo_url=surroundings.mongo_url,
        nats_url=surroundings.nats_url,
        keys=surroundings.keys,
        driver=surroundings.driver,
    )
    return ServiceProcess(SPEC, tmp_path, environment | {"MONGO_DATABASE": f"tickets-{surroundings.run_id}"})


async def test_a_stopped_process_ends_with_exit_code_0(process: ServiceProcess) -> None:
    """It is not killed by the signal, which a supervisor would treat as a failure. Its start has not finished yet."""
    async with process:
        process.signal(signal.SIGTERM)
        await process.wait(15)
        assert process.ending == "exit code 0", process.last_lines(10)


async def test_a_process_that_cannot_continue_ends_with_exit_code_1(process: ServiceProcess, database: Mongo) -> None:
    """Such as with an index that exists with different options: waiting would not help."""
    await database.database["tickets"].create_index("outbox.id", unique=True)
    process.spawn(process.command(), process.environment())
    try:
        await process.wait(15)
        assert process.ending == "exit code 1", process.last_lines(10)
    finally:
        await process.kill()
