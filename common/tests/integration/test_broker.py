"""The connection to NATS, when NATS is slow."""

from pathlib import Path

import pytest

from common.errors import DependencyUnavailable
from common.messaging.broker import Broker
from common.servers.nats_server import NatsServer
from common.servers.ports import free_port
from common.testing.eventually import eventually


async def test_an_answer_that_comes_too_late_does_not_make_the_connection_deaf(tmp_path: Path) -> None:
    """A readiness check that timed out used to end the client's read loop: connected, and hearing nothing."""
    async with NatsServer(tmp_path, free_port()) as server:
        broker = Broker(server.url, "test")
        await broker.connect()
        heard: list[bytes] = []

        async def hear(message: object) -> None:
            heard.append(b"something")

        await broker.client.subscribe("greeting", cb=hear)
        await broker.ping()
        server.pause()
        for _ in range(2):
            with pytest.raises(DependencyUnavailable):
                await broker.ping()
        server.resume()

        async def pinged() -> bool:
            try:
                await broker.ping()
            except DependencyUnavailable:
                return False
            return True

        await eventually(pinged, within=3, what="an answer to a ping")
        await broker.client.publish("greeting", b"hello")

        async def count() -> int:
            return len(heard)

        await eventually(count, within=2, what="the greeting, on the same connection")
        assert broker.client.stats["reconnects"] == 0
        await broker.close()
