"""What the middleware does for every request: the trace, the limits, and the answer to a defect."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Response
from pymongo.errors import AutoReconnect, NetworkTimeout, OperationFailure, ServerSelectionTimeoutError
from starlette.responses import StreamingResponse

import common.http.middleware
from common.domain.errors import Conflict, DependencyUnavailable
from common.events.tracing import current_cause, current_trace_id, current_traceparent
from common.http.application import create_http_app
from common.http.dependencies import Dependencies
from common.runtime.service_runtime import ServiceRuntime
from common.runtime.settings import ServiceSettings
from devkit.testing.problem_details import assert_problem

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"

FAILURES: dict[str, tuple[Callable[[], Exception], int]] = {
    "defect": (lambda: RuntimeError("hunter2"), 500),
    "assertion": (lambda: AssertionError("hunter2"), 500),
    "database-refuses": (lambda: OperationFailure("hunter2", 2), 500),
    "database-refuses-all": (lambda: OperationFailure("hunter2", 13), 503),
    "database-away": (lambda: AutoReconnect("hunter2"), 503),
    "database-silent": (lambda: NetworkTimeout("hunter2"), 503),
    "database-not-found": (lambda: ServerSelectionTimeoutError("hunter2"), 503),
    "out-of-time": (lambda: TimeoutError("hunter2"), 503),
    "broker-away": (lambda: DependencyUnavailable("The message broker does not answer."), 503),
    "conflict": (lambda: Conflict("It is held."), 409),
    "teapot": (lambda: HTTPException(418, "hunter2"), 500),
}
"""The errors of a route, and the status of the answer. The answer must not contain hunter2."""


@pytest.fixture
async def app() -> AsyncIterator[FastAPI]:
    settings = ServiceSettings(
        port=1, mongo_url="mongodb://127.0.0.1:1", mongo_database="tickets", nats_url="nats://127.0.0.1:1"
    )
    service = ServiceRuntime("tickets", settings)
    router = APIRouter()

    @router.get("/trace")
    async def trace() -> dict[str, Any]:
        return {"id": current_trace_id(), "parent": current_traceparent(), "cause": current_cause()}

    @router.get("/failure/{name}")
    async def fail(name: str) -> None:
        failure, _ = FAILURES[name]
        raise failure()

    @router.get("/never")
    async def never() -> None:
        await asyncio.Event().wait()

    @router.post("/body")
    async def body(content: dict[str, Any]) -> int:
        return len(content)

    @router.get("/endless")
    async def endless() -> Response:
        async def content() -> AsyncIterator[bytes]:
            yield b"the first part"
            await asyncio.Event().wait()

        return StreamingResponse(content())

    @router.get("/half")
    async def half() -> Response:
        async def content() -> AsyncIterator[bytes]:
            yield b"half of it"
            raise RuntimeError("the other half is missing")

        return StreamingResponse(content())

    yield create_http_app(Dependencies(service), title="Tickets", description="", routers=[router])
    await service.mongo.close()


async def test_a_request_continues_the_trace_of_its_header(client: httpx.AsyncClient) -> None:
    answer = await client.get("/trace", headers={"traceparent": TRACEPARENT})
    assert answer.json()["id"] == TRACE_ID
    assert answer.headers["x-correlation-id"] == TRACE_ID
    version, trace_id, span, flags = answer.json()["parent"].split("-")
    assert (version, trace_id, flags) == ("00", TRACE_ID, "01")
    assert span not in {"00f067aa0ba902b7", "0" * 16}, "a new span in the trace"
    assert answer.json()["cause"] == "GET /trace"


@pytest.mark.parametrize(
    "broken",
    [
        None,
        "",
        "00",
        "x" * 5000,
        TRACEPARENT[:-4],
        TRACEPARENT.replace("4", "g"),
        "ff" + TRACEPARENT[2:],
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
    ],
)
async def test_without_a_valid_trace_a_request_begins_one(broken: str | None, client: httpx.AsyncClient) -> None:
    headers = {} if broken is None else {"traceparent": broken}
    begun = {(await client.get("/trace", headers=headers)).headers["x-correlation-id"] for _ in range(2)}
    assert len(begun) == 2
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) and int(each, 16) for each in begun)
    assert TRACE_ID not in begun


async def test_a_trace_ends_with_its_request(client: httpx.AsyncClient) -> None:
    assert (await client.get("/trace", headers={"traceparent": TRACEPARENT})).status_code == 200
    assert (current_trace_id(), current_cause()) == (None, "unknown")


async def test_concurrent_requests_have_separate_traces(client: httpx.AsyncClient) -> None:
    ids = [f"{n:032x}" for n in range(1, 50)]
    answers = await asyncio.gather(
        *(client.get("/trace", headers={"traceparent": f"00-{each}-00f067aa0ba902b7-01"}) for each in ids)
    )
    assert [answer.json()["id"] for answer in answers] == ids


@pytest.mark.parametrize("name", FAILURES)
async def test_any_error_of_a_route_becomes_a_problem_without_its_text(
    name: str, client: httpx.AsyncClient, log_as: Callable[..., Callable[[], str]]
) -> None:
    log_as("tickets")
    answer = await client.get(f"/failure/{name}", headers={"traceparent": TRACEPARENT})
    problem = assert_problem(answer, FAILURES[name][1], name)
    assert "hunter2" not in answer.text
    assert answer.headers["x-correlation-id"] == TRACE_ID
    if answer.status_code == 500:
        assert problem["type"].endswith(":internal-error")


@pytest.mark.parametrize("name", ["defect", "database-refuses"])
async def test_the_cause_of_a_defect_is_logged_with_the_trace_id_of_the_answer(
    name: str, client: httpx.AsyncClient, log_as: Callable[..., Callable[[], str]]
) -> None:
    read = log_as("tickets", "info", "json")
    answer = await client.get(f"/failure/{name}")
    (line,) = [json.loads(each) for each in read().splitlines()]
    assert line["trace_id"] == answer.headers["x-correlation-id"]
    assert (line["level"], line["method"], line["path"]) == ("error", "GET", f"/failure/{name}")
    assert "hunter2" in line["exception"]


async def test_a_head_request_that_takes_too_long_gets_503(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common.http.middleware, "MAX_SECONDS", 0.05)
    async with asyncio.timeout(10):
        answer = await client.head("/never")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_head_does_not_wait_for_the_end_of_a_stream(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common.http.middleware, "MAX_SECONDS", 60)
    async with asyncio.timeout(10):
        assert (await client.head("/endless")).status_code == 200


async def test_an_event_stream_has_no_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common.http.middleware, "MAX_SECONDS", 0.05)

    async def events() -> AsyncIterator[bytes]:
        yield b"data: 1\n\n"
        await asyncio.sleep(0.2)
        yield b"data: 2\n\n"

    stream = StreamingResponse(events(), media_type=common.http.middleware.EVENT_STREAM)
    transport = httpx.ASGITransport(common.http.middleware.RequestBounds(stream))
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        assert (await client.get("/")).text == "data: 1\n\ndata: 2\n\n"


async def test_a_request_that_takes_too_long_gets_503_and_an_unknown_outcome(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, log_as: Callable[..., Callable[[], str]]
) -> None:
    assert common.http.middleware.MAX_SECONDS < 5, "the documented limit"
    monkeypatch.setattr(common.http.middleware, "MAX_SECONDS", 0.05)
    read = log_as("tickets", "info", "json")
    async with asyncio.timeout(10):
        answer = await client.get("/never")
    problem = assert_problem(answer, 503, "a route that never returns")
    assert "not known" in problem["detail"]
    line = json.loads(read())
    assert (line["level"], line["trace_id"]) == ("warning", answer.headers["x-correlation-id"])


async def test_an_incomplete_answer_is_not_sent_as_complete(client: httpx.AsyncClient, app: FastAPI) -> None:
    transport = httpx.ASGITransport(app)  # it raises the application's errors, as the server sees them
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as direct:
        with pytest.raises(RuntimeError, match="the other half is missing"):
            await direct.get("/half")


async def test_the_bytes_of_a_body_are_counted_as_they_arrive(client: httpx.AsyncClient) -> None:
    async def in_pieces(size: int) -> AsyncIterator[bytes]:
        yield b'{"a": 1}'.rjust(64)
        for _ in range(size // 64 - 1):
            yield b" " * 64
        yield b" " * (size % 64)

    limit = common.http.middleware.MAX_BODY_BYTES
    assert limit == 64 * 1024
    json_type = {"Content-Type": "application/json"}
    assert (await client.post("/body", content=in_pieces(limit), headers=json_type)).json() == 1
    assert_problem(await client.post("/body", content=in_pieces(limit + 1), headers=json_type), 413, "a byte more")


async def test_a_body_declared_as_too_long_is_refused_before_it_is_read(client: httpx.AsyncClient) -> None:
    asked_for = 0

    async def content() -> AsyncIterator[bytes]:
        nonlocal asked_for
        asked_for += 1
        yield b" "

    headers = {"Content-Type": "application/json", "Content-Length": str(64 * 1024 + 1)}
    for method, path in (("POST", "/body"), ("GET", "/trace"), ("HEAD", "/trace")):
        answer = await client.request(method, path, content=content(), headers=headers)
        assert answer.status_code == 413, method
        if method != "HEAD":
            assert_problem(answer, 413, path)
    assert asked_for == 0


async def test_metrics_are_served(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "python_info" in answer.text
