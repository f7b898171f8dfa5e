"""Tests that real load generators send all requests. The test server answers with the status in the request body."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from benchmarks.generators import Load, Outcome

WANTED = [200 + number for number in range(25)]


@pytest.fixture
async def echoing() -> AsyncIterator[int]:
    """Start a server and return its port. It answers with the status in the body, plus 100 if the token is wrong."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            wanted = int(await reader.readexactly(3)) + (0 if b"Bearer signed" in head else 100)
            writer.write(f"HTTP/1.1 {wanted} Whatever\r\ncontent-length: 2\r\n\r\n{{}}".encode())
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        yield server.sockets[0].getsockname()[1]


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


def load(port: int, processes: int, rate: float | None = None) -> Load:
    bodies = [str(status) for status in WANTED]
    return Load(port, "POST", "/", bodies, ["signed"], connections=8, rate=rate, processes=processes)


def test_every_request_is_the_share_of_one_process() -> None:
    shares = [load(1, processes=4, rate=100).share(number) for number in range(4)]
    assert sorted(body for share in shares for body in share["bodies"]) == [str(status) for status in WANTED]
    assert [len(share["bodies"]) for share in shares] == [7, 6, 6, 6]
    assert [(share["connections"], share["rate"]) for share in shares] == [(2, 25)] * 4


@pytest.mark.parametrize("processes", [1, 3])
async def test_the_answers_are_in_the_order_of_the_requests(echoing: int, processes: int) -> None:
    outcome = await load(echoing, processes).run()
    assert [answer.status for answer in outcome.answers] == WANTED
    assert all(outcome.began <= answer.due <= answer.done <= outcome.ended for answer in outcome.answers)


async def test_no_load_is_measured_if_the_server_is_missing(unused_tcp_port: int) -> None:
    with pytest.raises(RuntimeError, match="did not start"):
        await load(unused_tcp_port, processes=1).run()


def test_an_outcome_with_any_other_answer_is_no_measurement() -> None:
    outcome = Outcome(0, 1, 0.1, [])
    with pytest.raises(RuntimeError, match="expected only answers 201"):
        outcome.require(201)
