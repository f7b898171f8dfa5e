"""The servers that may join production's NATS cluster."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from marketplace.tests.integration.one_of_three import OneOfThree

from devkit.servers import free_port

_REFUSED = ["-ERR 'Authorization Violation'"]


@dataclass(frozen=True)
class Started:
    server: OneOfThree
    route_port: int

    async def errors(self, user: str, password: str) -> list[str]:
        """Return the errors for a server that connects with these credentials."""
        return await self.server.errors(user, password, port=self.route_port)


@pytest.fixture(scope="module")
async def started(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Started]:
    ports = [free_port() for _ in range(3)]
    async with OneOfThree(tmp_path_factory.mktemp("nats"), 0, ports) as server:
        yield Started(server, ports[0])


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("", ""),
        ("route", ""),
        ("route", "guessed"),
        ("operator", "operator-for-the-test"),  # a client's password is not valid for a server
    ],
    ids=["without-credentials", "without-password", "wrong-password", "a-client's-password"],
)
async def test_a_server_that_does_not_know_the_password_cannot_join(started: Started, user: str, password: str) -> None:
    """A server in the cluster receives all messages and may publish any, whatever the permissions of clients say.

    That three servers which do know it find each other is tested in test_nats_three_servers.py.
    """
    assert await started.errors(user, password) == _REFUSED
