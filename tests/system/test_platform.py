"""The running platform, through its gateway."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import httpx
import pytest
from system.people import Person

from common.domain.event import Message
from common.events.orders import OrderCreated
from common.events.tickets import TicketUpdated
from devkit.servers import free_port
from devkit.testing.eventually import eventually
from marketplace.demo import run_demo
from marketplace.platform import Platform
from marketplace.registry import SERVICE_NAMES, SERVICES
from marketplace.seed import run_seed
from marketplace.settings import PlatformSettings


@pytest.mark.both_drivers
async def test_the_whole_story_of_the_demo_happens(platform: Platform) -> None:
    assert await asyncio.to_thread(run_demo, platform.url) == 0


async def test_the_seed_lists_its_tickets_once(platform: Platform) -> None:
    async with httpx.AsyncClient(base_url=platform.url) as client:
        before = await _on_sale(client)
        assert await asyncio.to_thread(run_seed, platform.url) == 0
        seeded = await _on_sale(client)
        assert len(seeded - before) == 40
        assert await asyncio.to_thread(run_seed, platform.url) == 0
        assert await _on_sale(client) == seeded


@pytest.mark.slow
@pytest.mark.parametrize("victim", SERVICE_NAMES)
async def test_the_story_still_ends_right_when_a_service_is_killed_in_the_middle_of_it(
    platform: Platform, victim: str
) -> None:
    """kill -9; the platform starts it again, and the events have waited for it."""
    demo = asyncio.create_task(asyncio.to_thread(run_demo, platform.url))
    async with httpx.AsyncClient(base_url=platform.url) as client:
        before = await _on_sale(client)
        await eventually(lambda: _on_sale(client), until=lambda seen: seen - before != set(), what="the first listing")
    await platform.kill(victim)
    assert await demo == 0
    await platform.until_ready()


async def test_of_200_buyers_at_once_one_gets_the_ticket(platform: Platform, seller: Person, buyer: Person) -> None:
    ticket = await seller.lists()
    answers = await asyncio.gather(
        *(buyer.http.post("/api/orders", json={"ticketId": ticket["id"]}) for _ in range(200))
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 199}
    (won,) = [answer.json() for answer in answers if answer.status_code == 201]
    await seller.sees_ticket_held_by(ticket, won["id"])
    assert Counter(a.json()["type"] for a in answers if a.status_code == 409) == {
        "urn:ticket-marketplace:problem:already-ordered": 199  # all of them are sent by one person
    }


async def test_one_trace_id_is_in_the_logs_of_every_service_that_handles_an_order(
    platform: Platform, seller: Person, buyer: Person
) -> None:
    ticket = await seller.lists()
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = await buyer.http.post(
        "/api/orders",
        json={"ticketId": ticket["id"]},
        headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"},
    )
    assert answer.headers["x-correlation-id"] == trace_id
    await seller.sees_ticket_held_by(ticket, answer.json()["id"])

    # The tickets service handles order.created and then publishes ticket.updated.
    caused: set[type[Message]] = {OrderCreated, TicketUpdated}
    consuming = {spec.name for spec in SERVICES if any(caused & set(each.on) for each in spec.consumers)}

    async def services_that_log_the_trace() -> set[str]:
        logs = [platform.log_path(name) for name in (*SERVICE_NAMES, "orders-2", "payments-2")]
        lines = [line for path in logs for line in path.read_text().splitlines() if trace_id in line]
        return {json.loads(line)["service"] for line in lines}

    await eventually(
        services_that_log_the_trace,
        until=lambda seen: seen == {"orders", *consuming},
        what="every service that handles one of the two events",
    )


async def test_every_service_shows_its_api_and_the_index_links_them(platform: Platform) -> None:
    async with httpx.AsyncClient(base_url=platform.url) as client:
        index = (await client.get("/api/docs")).text
        for service in SERVICE_NAMES:
            assert f'href="/api/docs/{service}"' in index
            assert (await client.get(f"/api/docs/{service}")).status_code == 200
            api = (await client.get(f"/api/docs/{service}/openapi.json")).json()
            for path in api["paths"]:
                assert (await client.get(path.replace("{", "").replace("}", ""))).status_code != 404 or "{" in path


async def test_head_is_answered_like_get_through_the_gateway(platform: Platform) -> None:
    """On one connection: a body after HEAD would be read as the beginning of the next answer."""
    async with httpx.AsyncClient(base_url=platform.url, limits=httpx.Limits(max_connections=1)) as client:
        unknown = "/api/tickets/65f0c0ffee00000000000010"
        for path in ("/", unknown, "/api/users/currentuser", "/api/orders", "/api/docs/orders", "/api/nothing"):
            head, got = await client.head(path), await client.get(path)
            assert (head.status_code, head.content) == (got.status_code, b""), path
            is_page = path == "/"  # a page contains the time, so its length varies
            assert is_page or head.headers["content-length"] == got.headers["content-length"], path


async def test_no_password_and_no_token_is_in_any_log(platform: Platform, seller: Person) -> None:
    token = seller.http.cookies["session"]
    wrong = {"email": "nobody@example.com", "password": "a very secret one", "unknown": 1}
    assert (await seller.http.post("/api/users/signin", json=wrong)).status_code == 422
    del wrong["unknown"]
    assert (await seller.http.post("/api/users/signin", json=wrong)).status_code == 401
    logs = "".join(path.read_text() for path in platform.settings.logs.iterdir())
    assert "a very secret one" not in logs
    assert "correct horse" not in logs
    assert token not in logs


@pytest.mark.slow
async def test_two_platforms_run_side_by_side_and_data_survives_a_restart(
    platform: Platform, seller: Person, tmp_path: Path
) -> None:
    settings = PlatformSettings(gateway_port=free_port(in_a_row=40), data_dir=tmp_path / "second")
    async with Platform(settings) as second, Person.signed_up(second.url) as other:
        theirs = await other.lists("only on the second")
        answer = await seller.http.get(f"/api/tickets/{theirs['id']}")
        assert answer.status_code == 404
    async with Platform(settings) as second, httpx.AsyncClient(base_url=second.url) as client:
        page = (await client.get("/api/tickets")).json()
        assert [ticket["title"] for ticket in page["tickets"]] == ["only on the second"]


async def _on_sale(client: httpx.AsyncClient) -> set[str]:
    answer = await client.get("/api/tickets", params={"limit": 100})
    return {ticket["id"] for ticket in answer.json()["tickets"]} if answer.status_code == 200 else set()
