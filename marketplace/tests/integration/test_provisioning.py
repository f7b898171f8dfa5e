"""`marketplace provision` on several NATS servers, as in the production overlay."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from marketplace.tests.integration.typed import run

from common.messaging.broker import Broker
from common.messaging.streams import STREAMS
from devkit.servers import NatsServer, free_port
from marketplace.registry import CONSUMERS_OF


class Member(NatsServer):
    """One server of a NATS cluster."""

    def __init__(self, data_dir: Path, port: int, route_port: int, routes: Sequence[int]) -> None:
        super().__init__(data_dir, port)
        self.route_port = route_port
        self.routes = routes

    def command(self) -> list[str]:
        command = super().command()
        configuration = self.data_dir / "nats.conf"
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in self.routes)
        cluster = f'cluster {{ name: three, listen: "127.0.0.1:{self.route_port}", routes: [{routes}] }}\n'
        alone = configuration.read_text()
        configuration.write_text(alone.replace("server_name: marketplace", f"server_name: n{self.port}") + cluster)
        return command


@pytest.fixture
async def three_servers(tmp_path: Path) -> AsyncIterator[str]:
    first = free_port(in_a_row=6)
    ports, routes = range(first, first + 3), range(first + 3, first + 6)
    async with AsyncExitStack() as servers:
        for port, route in zip(ports, routes, strict=True):
            await servers.enter_async_context(Member(tmp_path / str(port), port, route, routes))
        yield f"nats://127.0.0.1:{first}"


@pytest.mark.slow
async def test_each_stream_and_consumer_is_kept_on_as_many_servers_as_asked_for(three_servers: str) -> None:
    variables = {**os.environ, "NATS_URL": three_servers, "STREAM_REPLICAS": "3"}
    done = await asyncio.to_thread(run, variables, "provision")
    assert (done.returncode, done.stderr) == (0, "")
    broker = Broker(three_servers, "test")
    await broker.connect()
    try:
        for stream in STREAMS:
            assert (await broker.jetstream.stream_info(stream.name)).config.num_replicas == 3
        for consumer in (each for consumers in CONSUMERS_OF.values() for each in consumers):
            found = await broker.jetstream.consumer_info(consumer.stream.name, consumer.name)
            assert found.cluster is not None
            assert len(found.cluster.replicas or ()) == 2  # beside the leader
    finally:
        await broker.close()


@pytest.mark.parametrize("number", ["0", "6", "many"])
def test_an_invalid_number_of_replicas_is_refused_before_connecting(number: str) -> None:
    done = run({**os.environ, "NATS_URL": "nats://127.0.0.1:1", "STREAM_REPLICAS": number}, "provision")
    assert done.returncode == 2
    assert "STREAM_REPLICAS" in done.stderr or "--replicas" in done.stderr
    assert "Traceback" not in done.stderr
