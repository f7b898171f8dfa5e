"""The connection to NATS when NATS is slow, silent or down."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from nats.errors import ConnectionReconnectingError
from nats.js import JetStreamContext

from common.domain.errors import DependencyUnavailable
from common.messaging.broker import PAUSE_SECONDS, PING_INTERVAL_SECONDS, Broker
from devkit.servers.nats_server import NatsServer
from devkit.servers.ports import free_port
from devkit.testing.eventually import eventually


@pytest.mark.slow
async def test_a_late_answer_to_a_ping_does_not_break_the_connection(tmp_path: Path) -> None:
    """A ping that timed out used to end the client's read loop: it stayed connected, but received nothing."""
    async with NatsServer(tmp_path, free_port()) as server:
        broker = Broker(server.url, "test")
        await broker.connect()
        received: list[object] = []

        async def receive(message: object) -> None:
            received.append(message)

        await broker.client.subscribe("greeting", cb=receive)
        await broker.ping()
        server.pause()
        for _ in range(2):
            with pytest.raises(DependencyUnavailable):
                await broker.ping()
        server.resume()
        await eventually(lambda: _is_pinged(broker), within=3, what="an answer to a ping")
        await broker.client.publish("greeting", b"hello")

        async def count() -> int:
            return len(received)

        await eventually(count, within=2, what="the greeting, on the same connection")
        assert broker.client.stats["reconnects"] == 0
        await broker.close()


def fast_broker(server: NatsServer) -> Broker:
    """A connection whose pauses and ping intervals are 50 times shorter. Timeouts do not change."""
    return Broker(
        server.url, "test", pause_seconds=PAUSE_SECONDS / 50, ping_interval_seconds=PING_INTERVAL_SECONDS / 50
    )


@pytest.mark.slow
async def test_the_client_reconnects_however_long_the_server_was_down(tmp_path: Path) -> None:
    """With its default settings it would stop after 60 attempts. This outage takes 180."""
    async with NatsServer(tmp_path, free_port()) as server:
        broker = fast_broker(server)
        await broker.connect()
        client = broker.client
        await server.stop()

        async def has_tried_often_enough() -> bool:
            return broker.is_closed_for_good or sum(each.reconnects for each in client.server_pool) >= 180

        await eventually(has_tried_often_enough, what="180 attempts to reconnect")
        assert not broker.is_closed_for_good, "the client stopped reconnecting"
        await server.start()
        await eventually(lambda: _is_connected(broker), what="a connection to the server that has come back")
        await broker.close()


async def test_a_server_that_is_silent_for_20_seconds_counts_as_lost(tmp_path: Path) -> None:
    """20 s take 0.4 s here. With its default settings the client would need six minutes."""
    async with NatsServer(tmp_path, free_port()) as server:
        broker = fast_broker(server)
        await broker.connect()
        server.pause()
        await eventually(lambda: _is_connected(broker), until=lambda seen: not seen, within=4, what="a lost connection")
        server.resume()
        await eventually(lambda: _is_connected(broker), what="a connection")
        await broker.close()


@pytest.mark.slow
async def test_connecting_without_nats_is_logged_within_5_seconds_and_succeeds_later(tmp_path: Path) -> None:
    server = NatsServer(tmp_path, free_port())
    broker = Broker(f"nats://orders:secret@127.0.0.1:{server.port}", "orders")
    with structlog.testing.capture_logs() as logged:
        connecting = asyncio.create_task(broker.connect())

        async def warnings() -> list[Any]:
            return [each for each in logged if each["log_level"] == "warning"]

        await eventually(warnings, within=5, what="a warning that NATS is awaited")
        await server.start()
        await connecting
    assert "secret" not in str(logged)
    await broker.close()
    await server.stop()


async def test_a_ping_works_after_the_answer_to_an_earlier_one_was_lost(tmp_path: Path) -> None:
    async with NatsServer(tmp_path, free_port()) as server:
        broker = Broker(server.url, "test")
        await broker.connect()
        server.pause()
        with pytest.raises(DependencyUnavailable):
            await broker.ping()
        await server.kill()
        await server.start()
        await eventually(lambda: _is_pinged(broker), within=5, what="an answer to a ping")
        await broker.close()


REQUESTS: dict[str, Callable[[JetStreamContext], Awaitable[object]]] = {
    "publish": lambda jetstream: jetstream.publish("ticket.created.1"),
    "a setting": lambda jetstream: jetstream.consumer_info("DOMAIN_EVENTS", "some-consumer"),
    "read": lambda jetstream: jetstream.get_last_msg("DOMAIN_EVENTS", "ticket.created.1", direct=True),
}
"""The kinds of requests. Each waits for its answer for 5 s."""


@pytest.mark.parametrize("request_of", REQUESTS.values(), ids=REQUESTS)
async def test_a_request_fails_as_soon_as_the_connection_is_lost(
    tmp_path: Path, request_of: Callable[[JetStreamContext], Awaitable[object]]
) -> None:
    """Otherwise the relay would publish an event some seconds late, if it was being published when NATS died."""
    async with NatsServer(tmp_path, free_port()) as server:
        broker = Broker(server.url, "test")
        await broker.connect()
        server.pause()
        sent = broker.client.stats["out_msgs"]
        waiting = asyncio.ensure_future(request_of(broker.jetstream))

        async def is_sent() -> bool:
            return broker.client.stats["out_msgs"] > sent

        await eventually(is_sent, what="the request on its way to the server")
        await server.kill()
        with pytest.raises(ConnectionReconnectingError):
            await waiting
        await broker.close()


class ServerWithPassword(NatsServer):
    @property
    def url(self) -> str:
        return f"nats://orders:a%2Fb%2C%40c@127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        command = super().command()
        configuration = self.data_dir / "nats.conf"
        configuration.write_text(configuration.read_text() + 'authorization { user: orders, password: "a/b,@c" }\n')
        return command

    async def answers(self) -> bool:
        await self.try_connection()
        return True


async def test_a_client_with_several_addresses_finds_the_server_that_runs(tmp_path: Path) -> None:
    """It decodes the percent-encoded password."""
    async with ServerWithPassword(tmp_path, free_port()) as server:
        down = server.url.replace(f":{server.port}", ":1")
        broker = Broker(f"{down},{server.url},{down}", "orders")
        async with asyncio.timeout(10):
            await broker.connect()
        await broker.ping()
        await broker.close()


async def _is_connected(broker: Broker) -> bool:
    return broker.is_connected


async def _is_pinged(broker: Broker) -> bool:
    try:
        await broker.ping()
    except DependencyUnavailable:
        return False
    return True
