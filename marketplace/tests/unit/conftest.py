"""A stand-in of the platform behind a real server, for the tests of the commands that talk to a platform."""

import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from marketplace.tests.played import Door
from marketplace.tests.stand_in import StandIn


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[Door, str]]:
    door = Door()
    listening = socket.create_server(("127.0.0.1", 0))  # listens before the server runs: nobody has to wait for it
    server = uvicorn.Server(uvicorn.Config(door, lifespan="off", ws="none", log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield door, f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=5)


@pytest.fixture
def gateway(door: tuple[Door, str]) -> str:
    return door[1]


@pytest.fixture
def platform(door: tuple[Door, str]) -> StandIn:
    door[0].behind = StandIn()
    return door[0].behind
