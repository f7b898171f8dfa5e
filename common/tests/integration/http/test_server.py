"""A server that stops answers every request that a client was sending to it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from common.http.server import DRAIN_SECONDS, IDLE_SECONDS, DrainingServer
from devkit.servers import free_port
from devkit.testing.eventually import eventually
from marketplace.gateway import nginx_configuration

REQUEST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n"


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http"
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def server() -> AsyncIterator[DrainingServer]:
    config = uvicorn.Config(application, port=free_port(), log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = DrainingServer(config)
    serving = asyncio.create_task(server._serve())
    await eventually(lambda: started(server), what="a server")
    yield server
    server.should_exit = True
    await serving


async def started(server: DrainingServer) -> bool:
    return server.started


def connected(server: DrainingServer) -> socket.socket:
    """A connection that only the kernel has accepted: the server's event loop does not run meanwhile."""
    return socket.create_connection(("127.0.0.1", server.config.port))


async def answer_to(connection: socket.socket) -> bytes:
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    received = b""
    async with asyncio.timeout(5):
        while not received.endswith(b"ok") and (more := await loop.sock_recv(connection, 1000)):
            received += more
    return received


async def test_a_request_sent_during_the_stop_is_answered_then_the_connection_closes(
    server: DrainingServer,
) -> None:
    with connected(server) as connection:
        connection.sendall(REQUEST)
        assert b"connection: close" not in await answer_to(connection)
        server.should_exit = True
        await eventually(lambda: refuses_connections(server), what="no new connections")
        await asyncio.get_running_loop().sock_sendall(connection, REQUEST)
        answer = await answer_to(connection)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer


async def test_a_connection_accepted_by_the_kernel_before_the_stop_is_served(server: DrainingServer) -> None:
    connections = [connected(server) for _ in range(20)]
    for connection in connections:
        connection.sendall(REQUEST)
    stopping = asyncio.create_task(server.shutdown())
    answers = [await answer_to(connection) for connection in connections]
    await stopping
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200"] * len(connections)
    for connection in connections:
        connection.close()


async def test_an_idle_connection_does_not_delay_the_stop_for_long(server: DrainingServer) -> None:
    with connected(server):
        began = time.monotonic()
        server.should_exit = True
        await server.shutdown()
        assert time.monotonic() - began < DRAIN_SECONDS + 2


def test_the_gateway_closes_idle_connections_before_a_stopping_service() -> None:
    assert f"keepalive_timeout {IDLE_SECONDS}s;" in nginx_configuration(8080, {"auth": [1]})
    assert IDLE_SECONDS < DRAIN_SECONDS


async def refuses_connections(server: DrainingServer) -> bool:
    try:
        connected(server).close()
    except ConnectionRefusedError:
        return True
    return False
