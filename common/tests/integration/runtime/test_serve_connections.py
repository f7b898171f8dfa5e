"""How the process of a service treats the connections of clients and gateways."""

import asyncio
import signal
import socket
from pathlib import Path

import pytest

from common.http.server import IDLE_SECONDS
from devkit.testing.eventually import eventually
from devkit.testing.process import ServiceProcess, environment_of
from devkit.testing.running import Surroundings
from expiration.spec import SPEC

LARGE = b"GET /api/docs/expiration/assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: here\r\n\r\n"
PROBE = b"GET /healthz/live HTTP/1.1\r\nHost: here\r\n\r\n"

STOP_SECONDS = 10.0
IDLE_LONGER = IDLE_SECONDS + 5.0
"""Also longer than uvicorn's default of 5 s."""

# No test here depends on the driver for MongoDB.
pytestmark = [pytest.mark.slow, pytest.mark.parametrize("driver", ["motor"])]


@pytest.fixture
def process(surroundings: Surroundings, tmp_path: Path) -> ServiceProcess:
    environment = environment_of(
        SPEC, mongo_url=surroundings.mongo_url, nats_url=surroundings.nats_url, keys=surroundings.keys
    )
    return ServiceProcess(SPEC, tmp_path, environment | {"MONGO_DATABASE": f"expiration-{surroundings.run_id}"})


async def test_a_client_that_stops_reading_does_not_block_the_stop(process: ServiceProcess) -> None:
    """The answers are larger than what the kernel buffers, so the service cannot finish sending them."""
    async with process:
        with socket.create_connection(("127.0.0.1", process.port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(LARGE * 8)
            client.setblocking(False)
            await eventually(lambda: has_received_something(client), what="the beginning of an answer")
            process.signal(signal.SIGTERM)
            assert await process.wait(STOP_SECONDS), f"it still waits for its client after {STOP_SECONDS} s"
            assert process.ending == "exit code 0", process.last_lines(10)


async def test_a_service_does_not_close_idle_connections(process: ServiceProcess) -> None:
    """The trap: if the service closes while a request is being sent, the gateway answers 502 and never repeats a POST.

    So the service keeps an idle connection longer than a gateway does (6 s are waited for here).
    """
    async with process:
        reader, writer = await asyncio.open_connection("127.0.0.1", process.port)
        try:
            writer.write(PROBE)
            answer = await asyncio.wait_for(reader.readuntil(b'"alive"}'), 5)
            assert answer.startswith(b"HTTP/1.1 200")
            assert not await is_closed_within(IDLE_LONGER, reader), "the service closed the connection first"
            writer.write(PROBE)
            answer = await asyncio.wait_for(reader.readuntil(b'"alive"}'), 5)
            assert answer.startswith(b"HTTP/1.1 200")
        finally:
            writer.close()


async def has_received_something(client: socket.socket) -> bool:
    """Looks without reading from the kernel's buffer."""
    try:
        return bool(client.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


async def is_closed_within(seconds: float, reader: asyncio.StreamReader) -> bool:
    """Whether the other side closes the connection within this time. It sends nothing."""
    try:
        return await asyncio.wait_for(reader.read(1), seconds) == b""
    except TimeoutError:
        return False
