"""Every service as in production: `python -m <service>`. Its start, its log and its stop."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial
from pathlib import Path

import httpx
import pytest
from common.tests.platform_in_process import Platform
from common.tests.services import SERVICES

from common.domain.tokens import SignedInUser
from common.storage.mongo import MongoDriver
from devkit.testing.eventually import eventually
from devkit.testing.problem_details import assert_problem
from devkit.testing.process import ServiceProcess, environment_of
from devkit.testing.running import somebody
from devkit.testing.tokens import TokenSigner
from marketplace import registry

pytestmark = pytest.mark.slow

WAITING = "waiting for MongoDB"
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


def process_of(
    name: str, platform: Platform, folder: Path, driver: MongoDriver = "motor", **more: str
) -> ServiceProcess:
    spec = registry.service(name)
    environment = environment_of(
        spec, mongo_url=platform.mongod.url, nats_url=platform.nats.url, keys=platform.keys, driver=driver
    )
    return ServiceProcess(spec, folder, environment | more)


async def is_ready(process: ServiceProcess) -> bool:
    return (await process.get("/healthz/ready")).status_code == httpx.codes.OK


async def has_logged(process: ServiceProcess, event: str) -> bool:
    return any(line["event"] == event for line in process.log_lines())


async def stops_in_order(process: ServiceProcess) -> float:
    """Send SIGTERM; return how long the stop took."""
    begin = time.monotonic()
    process.signal(signal.SIGTERM)
    await process.wait(15)
    took = time.monotonic() - begin
    assert process.ending == "exit code 0", f"{process.name}: {process.ending}\n{process.last_lines(20)}"
    return took


def signed_in(platform: Platform) -> dict[str, str]:
    user = somebody()
    token = TokenSigner(platform.keys.private).sign(SignedInUser(user, f"{user}@example.com"))
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def processes(platform: Platform, tmp_path: Path) -> AsyncIterator[dict[str, ServiceProcess]]:
    """A process of each service, started before its database."""
    await platform.mongod.stop()
    async with AsyncExitStack() as running:
        processes = {service.spec.name: process_of(service.spec.name, platform, tmp_path) for service in SERVICES}
        await asyncio.gather(*(running.enter_async_context(process) for process in processes.values()))
        yield processes


async def test_each_service_starts_serves_and_stops_as_a_process(
    processes: dict[str, ServiceProcess], platform: Platform
) -> None:
    await asyncio.gather(*map(logs_what_it_waits_for, processes.values()))
    await platform.mongod.start()
    await asyncio.gather(
        *(eventually(partial(is_ready, each), within=3, what=f"{name} ready") for name, each in processes.items())
    )

    await an_upload_of_10_mb_is_refused(processes["tickets"], signed_in(platform))
    await the_log_follows_a_request(processes["tickets"], signed_in(platform))
    await the_cookie_is_secure_if_the_gateway_speaks_tls(processes["auth"])

    took = await asyncio.gather(*map(stops_in_order, processes.values()))
    assert max(took) < 10, took
    for process in processes.values():
        assert_log_is_complete(process)


async def logs_what_it_waits_for(process: ServiceProcess) -> None:
    problem = assert_problem(await process.get("/healthz/ready"), 503, f"{process.name}, ready")
    assert "database" in problem["detail"], process.name
    await eventually(partial(has_logged, process, WAITING), what=f"{process.name} logs what it waits for")


async def an_upload_of_10_mb_is_refused(process: ServiceProcess, headers: dict[str, str]) -> None:
    async def in_chunks() -> AsyncIterator[bytes]:
        for _ in range(160):
            yield b" " * 64 * 1024

    headers |= {"Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=process.url, timeout=10) as client:
        contents: dict[str, bytes | AsyncIterator[bytes]] = {
            "10 MB": b" " * 160 * 64 * 1024,
            "10 MB in chunks": in_chunks(),
        }
        for what, content in contents.items():
            assert_problem(await client.post("/api/tickets", content=content, headers=headers), 413, what)
        assert (await client.get("/api/tickets")).status_code == 200, "the service still answers"


async def the_log_follows_a_request(process: ServiceProcess, headers: dict[str, str]) -> None:
    async with httpx.AsyncClient(base_url=process.url, timeout=10) as client:
        listing = {"title": "Concert", "price": 19.99}
        answer = await client.post("/api/tickets", json=listing, headers=headers | {"traceparent": TRACEPARENT})
    assert answer.status_code == 201
    assert answer.headers["x-correlation-id"] == TRACE_ID
    (staged,) = [line for line in process.log_lines() if line["event"] == "event staged"]
    assert staged["trace_id"] == TRACE_ID
    assert staged["subject"] == f"ticket.created.{answer.json()['id']}"
    assert staged["cause"] == "POST /api/tickets"


async def the_cookie_is_secure_if_the_gateway_speaks_tls(process: ServiceProcess) -> None:
    async with httpx.AsyncClient(base_url=process.url, timeout=10) as client:
        for protocol in ("https", "http"):
            answer = await client.post(
                "/api/users/signup",
                json={"email": f"{protocol}@example.com", "password": "correct horse battery"},
                headers={"X-Forwarded-Proto": protocol},
            )
            assert answer.status_code == 201, answer.text
            assert ("secure" in answer.headers["set-cookie"].lower()) == (protocol == "https")


def assert_log_is_complete(process: ServiceProcess) -> None:
    lines = process.log_lines()
    for line in lines:
        assert line["service"] == process.name, line
        assert line["level"] in {"info", "warning"}, line
        assert datetime.fromisoformat(line["timestamp"]).tzinfo, line
    events = [line["event"] for line in lines]
    assert events.count(WAITING) == 1, f"{process.name} logs it only once"
    assert events.index(WAITING) < events.index("ready") < events.index("stopped"), process.name


async def test_a_process_whose_servers_do_not_answer_still_stops_in_order(platform: Platform, tmp_path: Path) -> None:
    async with (
        process_of("tickets", platform, tmp_path / "motor", "motor") as one,
        process_of("tickets", platform, tmp_path / "pymongo", "pymongo") as other,
    ):
        both = (one, other)
        await asyncio.gather(*(eventually(partial(is_ready, process), what="ready") for process in both))
        platform.mongod.pause()
        platform.nats.pause()
        under_way = [asyncio.create_task(process.get("/api/tickets")) for process in both]
        for process in both:
            readiness = await process.get("/healthz/ready")
            assert (readiness.status_code, readiness.json()["status"]) == (200, "degraded"), readiness.text
        took = await asyncio.gather(*map(stops_in_order, both))
        assert max(took) < 10, took
        for answer in await asyncio.gather(*under_way):
            assert_problem(answer, 503, "a request that was under way")
