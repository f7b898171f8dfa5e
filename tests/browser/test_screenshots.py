"""`make screenshots` runs this file and writes into docs/images. The README shows the pictures."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx
import pytest
from browser.appearance import Photograph
from browser.stage import Stage, seen
from browser.visit import OpenVisit
from playwright.async_api import Page, Route, expect
from system.people import Person

from marketplace.platform import Platform
from marketplace.seed import run_seed
from marketplace.seed.listings import PASSWORD

_MOST_BYTES = 150_000
_SECONDS_LEFT = 14 * 60 + 32


@pytest.fixture(scope="module")
async def seeded(platform: Platform) -> None:
    assert await asyncio.to_thread(run_seed, platform.url) == 0


@asynccontextmanager
async def _person(platform: Platform, action: str, email: str) -> AsyncIterator[Person]:
    async with httpx.AsyncClient(base_url=platform.url) as client:
        answer = await client.post(f"/api/users/{action}", json={"email": email, "password": PASSWORD})
        assert answer.is_success, answer.text
        yield Person(client)


async def _shop(stage: Stage) -> Page:
    return await stage.open()


async def _ticket(stage: Stage) -> Page:
    return await stage.open(f"/tickets/{(await _on_sale(stage, 'Swan Lake'))['id']}")


async def _order(stage: Stage) -> Page:
    """The order is as old as an order of a minute on a platform with the usual 15 minutes."""
    order = await stage.buyer.orders(await _on_sale(stage, "The Magic Flute"))
    began = datetime.fromisoformat(order["expiresAt"]).timestamp() - _SECONDS_LEFT

    async def set_clock(route: Route) -> None:
        answer = await stage.buyer.http.get(route.request.url, headers={"Accept": "text/html"})
        body = re.sub(r'data-now="[^"]*"', f'data-now="{began}"', answer.text)
        await route.fulfill(body=body.replace("1 more minute", "15 more minutes"), content_type="text/html")

    page = await stage.open("/orders", stage.buyer, seen("order", order))
    await page.route("**/orders/*", set_clock)
    await page.goto(f"/orders/{order['id']}")
    return page


async def _paid(stage: Stage) -> Page:
    order = await stage.buyer.orders(await _on_sale(stage, "Piano Recital"))
    await stage.buyer.http.post(f"/api/orders/{order['id']}/extension")
    page = await stage.open(f"/orders/{order['id']}", stage.buyer, seen("order", order))
    await stage.buyer.pays(order)
    await expect(page.locator(".step[data-event='order.completed']")).to_be_visible()
    return page


async def _selling(stage: Stage) -> Page:
    page = await stage.open("/selling", stage.seller)
    await expect(page.locator(".row-item[data-state='sold']").first).to_be_visible()
    return page


@pytest.mark.usefixtures("seeded")
async def test_the_main_pages_are_photographed(
    open_visit: OpenVisit, platform: Platform, photograph: Photograph
) -> None:
    pages: dict[str, Callable[[Stage], Awaitable[Page]]] = {
        "shop": _shop,
        "ticket": _ticket,
        "order": _order,
        "paid": _paid,
        "selling": _selling,
    }
    async with (
        _person(platform, "signin", "nina@example.com") as nina,
        _person(platform, "signup", "sam@example.com") as sam,
    ):
        for name, open_page in pages.items():
            page = await open_page(Stage(open_visit, nina, sam))
            files = await photograph(page, name)
            assert max(file.stat().st_size for file in files) < _MOST_BYTES


async def _on_sale(stage: Stage, title: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while cursor is not None:
        answer = await stage.buyer.sees(f"/api/tickets?limit=100{cursor and f'&cursor={cursor}'}")
        found += [each for each in answer["tickets"] if each["title"] == title and each["orderId"] is None]
        cursor = answer["nextCursor"]
    return found[0]
