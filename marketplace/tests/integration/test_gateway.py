from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from marketplace.platform import Platform

_BROWSER = {"Accept": "text/html,*/*;q=0.8"}


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=platform.url, trust_env=False) as client:
        yield client


@asynccontextmanager
async def without(platform: Platform, name: str) -> AsyncIterator[None]:
    """Kill a process, and start it again afterwards, for the next test."""
    await platform.kill(name, restart=False)
    yield
    await platform.start(name)


def problem(response: httpx.Response) -> dict[str, Any]:
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == response.status_code
    assert body["errors"]
    return body


async def test_each_path_leads_to_its_service(client: httpx.AsyncClient) -> None:
    for path, service in {
        "/": "storefront",
        "/api/docs": "auth",
        "/api/users/signin": "auth",
        "/api/tickets": "tickets",
        "/api/tickets/1?limit=2": "tickets",
        "/api/orders/1/timeline": "orders",
        "/api/payments": "payments",
        "/api/docs/expiration/openapi.json": "expiration",
    }.items():
        assert (await client.get(path)).json()["service"] == service, path


async def test_a_path_without_a_service_is_a_problem_of_the_gateway(client: httpx.AsyncClient) -> None:
    for path in ("/api", "/api/ticketsandmore", "/index.html", "/healthz/ready", "/metrics"):
        assert problem(await client.get(path))["status"] == 404, path


async def test_a_person_who_opens_a_wrong_path_sees_a_page_with_the_way_to_the_shop(client: httpx.AsyncClient) -> None:
    response = await client.get("/ticket", headers=_BROWSER)
    assert (response.status_code, response.headers["Content-Type"]) == (404, "text/html")
    assert "<h1>There is no such page</h1>" in response.text
    assert "<a href=/>" in response.text
    assert "prefers-color-scheme:dark" in response.text
    assert "Refresh" not in response.headers


async def test_an_answer_of_a_service_is_passed_on_as_it_is(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/orders/missing")
    assert (response.status_code, response.json()["service"]) == (404, "orders")


async def test_forwarded_headers_of_a_client_are_replaced(client: httpx.AsyncClient) -> None:
    claims = {"X-Forwarded-For": "8.8.8.8", "X-Forwarded-Proto": "https"}
    seen = (await client.get("/api/orders", headers=claims)).json()["headers"]
    assert (seen["X-Forwarded-For"], seen["X-Forwarded-Proto"]) == ("127.0.0.1", "http")


async def test_a_body_of_more_than_64_kib_is_refused_at_the_gateway(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/orders", content=b"x" * 65_536)).status_code == 200
    assert problem(await client.post("/api/orders", content=b"x" * 65_537))["status"] == 413


async def test_headers_and_paths_that_are_too_long_are_problems_too(client: httpx.AsyncClient) -> None:
    assert problem(await client.get("/api/orders", headers={"X-Long": "x" * 9000}))["status"] == 431
    assert problem(await client.get("/" + "x" * 9000))["status"] == 414


async def test_a_service_that_is_down_is_503_with_retry_after(platform: Platform, client: httpx.AsyncClient) -> None:
    async with without(platform, "tickets"):
        response = await client.get("/api/tickets")
    assert problem(response)["status"] == 503
    assert response.headers["Retry-After"] == "1"
    assert (await client.get("/api/tickets")).status_code == 200


async def test_a_person_sees_a_page_that_tries_again_while_a_service_is_down(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    async with without(platform, "tickets"):
        response = await client.get("/api/tickets", headers=_BROWSER)
    assert response.status_code == 503
    assert response.headers["Content-Type"] == "text/html"
    assert response.headers["Refresh"] == "2"
    assert "<h1>The shop does not answer</h1>" in response.text


async def test_requests_succeed_while_one_of_two_instances_is_down(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    both = {(await client.post("/api/orders")).json()["pid"] for _ in range(10)}
    assert both == {platform.pid("orders"), platform.pid("orders-2")}
    async with without(platform, "orders"):
        left = {(await client.post("/api/orders")).json()["pid"] for _ in range(10)}
    assert left == {platform.pid("orders-2")}


async def test_a_post_that_crashes_an_instance_is_not_sent_to_another(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    assert problem(await client.post("/api/orders/crash"))["status"] == 503
    logs = "".join(platform.log_path(name).read_text() for name in ("orders", "orders-2"))
    assert logs.count("POST /api/orders/crash") == 1
    await platform.until_ready()
