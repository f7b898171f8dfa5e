"""What the connection to NATS writes to the log."""

import asyncio
from collections.abc import Callable

from common.messaging.broker import Broker
from devkit.testing.eventually import eventually

PASSWORD = "hunter2"
THREE_SERVERS = ",".join(f"nats://tickets:{PASSWORD}@127.0.0.1:{port}" for port in (1, 2, 3))


async def test_waiting_for_nats_is_logged_without_the_password(log_as: Callable[..., Callable[[], str]]) -> None:
    read = log_as("tickets")
    lines: list[str] = []

    async def written() -> str:
        lines.append(read())
        return "".join(lines)

    connecting = asyncio.create_task(Broker(THREE_SERVERS, "tickets").connect())
    log = await eventually(written, until=lambda seen: "waiting for NATS" in seen, what="a line in the log")
    connecting.cancel()
    assert "nats://127.0.0.1:1, nats://127.0.0.1:2, nats://127.0.0.1:3" in log
    assert PASSWORD not in log
