import asyncio

import pytest

from devkit.servers import free_port
from marketplace.probes import host_and_port, hosts_of, http_status


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("mongodb://127.0.0.1:27017/?w=majority", ["127.0.0.1:27017"]),
        ("mongodb://user:p@ss,word@a:1,b:2/tickets?replicaSet=r", ["a:1", "b:2"]),
        ("mongodb+srv://user:secret@cluster.example", ["cluster.example"]),
        ("nats://user:secret@a:1,nats://b:2", ["a:1", "b:2"]),
        ("nats://user:secret@a:1, nats://user:secret@b:2", ["a:1", "b:2"]),
        ("nats://[::1]:4222", ["[::1]:4222"]),
    ],
)
def test_an_address_is_shown_without_credentials(url: str, hosts: list[str]) -> None:
    assert hosts_of(url) == hosts


def test_a_host_without_a_port_has_the_usual_one() -> None:
    assert host_and_port("queue", "nats") == ("queue", 4222)
    assert host_and_port("store", "mongodb") == ("store", 27017)
    assert host_and_port("[::1]:5", "nats") == ("::1", 5)


@pytest.mark.parametrize(
    ("answer", "status"),
    [(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", 503), (b"220 mail\r\n", None), (b"", None)],
    ids=["http", "another-protocol", "closed"],
)
async def test_only_an_http_response_has_a_status(answer: bytes, status: int | None) -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(respond, "127.0.0.1", port := free_port()):
        assert await http_status(port, "/") == status


async def test_a_port_without_a_server_has_no_status() -> None:
    assert await http_status(free_port(), "/") is None
