"""What our client of NATS does at a cancellation and at a timeout, where that of nats-py fails."""

import asyncio
from pathlib import Path

import pytest
from nats.aio.msg import Msg

from common.messaging.nats_client import NatsClient
from devkit.servers.nats_server import NatsServer
from devkit.servers.ports import free_port


class CancelledAtTheAnswer(NatsClient):
    """Cancels the task of the request right after the answer has come, before the task runs again."""

    requesting: asyncio.Task[Msg]

    async def _request_sub_callback(self, msg: Msg) -> None:
        await super()._request_sub_callback(msg)
        self.requesting.cancel()


@pytest.mark.parametrize("subject", ["$JS.API.INFO", "nobody.answers"], ids=["an answer", "an error"])
async def test_a_request_that_is_cancelled_when_it_is_answered_ends(nats_server: NatsServer, subject: str) -> None:
    client = CancelledAtTheAnswer()
    await client.connect(nats_server.url)
    client.requesting = asyncio.create_task(client.request(subject))
    await asyncio.wait({client.requesting}, timeout=5)
    assert client.requesting.cancelled()
    await client.close()


@pytest.mark.parametrize("seconds", [1, 60], ids=["timed out", "cancelled"])
async def test_a_late_answer_to_a_ping_does_not_end_the_connection(tmp_path: Path, seconds: int) -> None:
    """Otherwise the client would still count as connected, but would receive nothing, for up to 15 s."""
    async with NatsServer(tmp_path, free_port()) as server:
        client = NatsClient()
        await client.connect(server.url)
        server.pause()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await client.flush(timeout=seconds)
        server.resume()
        await client.flush(timeout=5)
        await client.close()
