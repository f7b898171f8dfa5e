"""The addresses of other servers that a NATS server of the cluster sends to a client."""

import asyncio
import json
from pathlib import Path

import httpx
from marketplace.tests.integration.one_of_three import OneOfThree

from devkit.servers import free_port
from devkit.testing.eventually import eventually


async def test_a_nats_server_sends_its_clients_no_addresses_of_other_servers(tmp_path: Path) -> None:
    """They would contain no password, and a new pod has another address."""
    routes = [free_port(), free_port()]
    first, second = [OneOfThree(tmp_path / f"nats-{number}", number, [*routes, routes[0]]) for number in range(2)]
    async with first, second:
        await eventually(lambda: _routes_of(first), what="two servers that have found each other")
        reader, writer = await asyncio.open_connection("127.0.0.1", first.port)
        greeting, _, info = (await reader.readline()).partition(b" ")
        writer.close()
        assert greeting == b"INFO"
        assert json.loads(info).get("connect_urls", []) == []


async def _routes_of(server: OneOfThree) -> int:
    async with httpx.AsyncClient(trust_env=False) as client:
        found = (await client.get(f"http://127.0.0.1:{server.monitor_port}/routez")).json()
    return int(found["num_routes"])
