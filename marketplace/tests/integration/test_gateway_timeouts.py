"""The gateway answers in time if a service accepts a request and does not answer."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from devkit.servers import free_port
from marketplace.gateway import Gateway
from marketplace.registry import SERVICE_NAMES

pytestmark = pytest.mark.slow


class SilentService:
    """Two instances that read requests and never answer."""

    def __init__(self) -> None:
        self.ports = [free_port(), free_port()]
        self.requests = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readline():
            self.requests += 1
        await reader.read()
        writer.close()


@pytest.fixture
async def silent() -> AsyncIterator[SilentService]:
    service = SilentService()
    instances = [await asyncio.start_server(service.take, "127.0.0.1", port) for port in service.ports]
    yield service
    for instance in instances:
        instance.close()


@pytest.fixture
async def gateway(silent: SilentService, tmp_path: Path) -> AsyncIterator[Gateway]:
    ports_of = dict.fromkeys(SERVICE_NAMES, silent.ports)
    async with Gateway(tmp_path / "nginx", free_port(), ports_of, log_path=tmp_path / "log") as gateway:
        yield gateway


async def test_a_service_that_does_not_answer_gets_one_request_and_the_client_gets_503(
    silent: SilentService, gateway: Gateway
) -> None:
    """The first instance may have handled the request, so the gateway does not send it to the second one."""
    begun = time.monotonic()
    async with httpx.AsyncClient(trust_env=False, timeout=15) as client:
        try:
            answer = await client.get(f"http://127.0.0.1:{gateway.port}/api/orders")
        except httpx.ReadTimeout:
            pytest.fail("the gateway waits without a limit")
    assert (answer.status_code, silent.requests) == (503, 1)
    assert time.monotonic() - begun < 7
