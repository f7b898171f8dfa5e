"""A page that loads its content again ends with the present state of each ticket.

The tests answer the requests for live changes themselves, so that nothing else corrects the page.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from browser.shopper import is_live, note_loads
from browser.visit import OpenVisit, Visit
from playwright.async_api import Page, Route, expect
from system.people import Person

from devkit.testing.eventually import eventually

_RESET = "retry: 600000\nevent: reset\ndata: {}\n\n"
_SOLD = "document.dispatchEvent(new CustomEvent('shop:ticket', {detail: %s}))"


async def open_list(visit: Visit, reset: asyncio.Event) -> Page:
    """Open the list. Its live connection says only, after `reset`, that the page must load its content again."""

    async def answer(route: Route) -> None:
        await reset.wait()
        await route.fulfill(body=_RESET, content_type="text/event-stream")

    await visit.context.route("**/live/events*", answer)
    return await visit.open("/")


async def listed(seller: Person) -> str:
    """List a ticket, and wait until the list of the shop has it."""
    ticket = str((await seller.lists())["id"])
    await eventually(on_list(seller, ticket), what="a list with the ticket")
    return ticket


async def order(buyer: Person, ticket: str) -> None:
    """Order the ticket, and wait until the list of the shop has lost it."""
    await buyer.orders({"id": ticket})
    await eventually(on_list(buyer, ticket), until=lambda found: not found, what="a list without the ticket")


def on_list(person: Person, ticket: str) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return ticket in (await person.http.get("/")).text

    return look


async def test_a_list_that_loads_again_shows_the_state_of_what_has_left_it(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    ticket, reset = await listed(seller), asyncio.Event()
    page = await open_list(await open_visit(), reset)
    await order(buyer, ticket)
    reset.set()
    await page.wait_for_selector(f"[data-ticket='{ticket}'][data-state='held']")


async def test_a_load_without_an_answer_is_repeated(open_visit: OpenVisit, seller: Person, buyer: Person) -> None:
    ticket, reset, failures = await listed(seller), asyncio.Event(), [503, 503]
    visit = await open_visit()
    visit.expect_error("503")
    page = await open_list(visit, reset)

    async def answer(route: Route) -> None:
        await (route.fulfill(status=failures.pop()) if failures else route.continue_())

    await page.route(page.url, answer)
    await order(buyer, ticket)
    reset.set()
    await page.wait_for_selector(f"[data-ticket='{ticket}'][data-state='held']")


@pytest.mark.parametrize(("version", "state"), [(10**15, "sold"), (0, "on-sale")], ids=["newer", "older"])
async def test_a_change_during_a_load_is_shown_if_it_is_newer(
    open_visit: OpenVisit, seller: Person, version: int, state: str
) -> None:
    ticket, reset = await listed(seller), asyncio.Event()
    page = await open_list(await open_visit(), reset)
    await note_loads(page)

    async def answer(route: Route) -> None:
        old = (await seller.http.get("/")).text
        change = f"{{id: '{ticket}', v: {version}, state: 'sold', price: '$1.00', amount: '1.00', until: null}}"
        await page.evaluate(_SOLD % change)
        await route.fulfill(body=old, content_type="text/html")

    await page.route(page.url, answer)
    reset.set()
    await page.wait_for_selector("body[data-loaded]")
    assert await page.get_attribute(f"[data-ticket='{ticket}']", "data-state") == state


async def test_a_connection_that_was_refused_is_made_again(open_visit: OpenVisit) -> None:
    failures = [503, 503]
    visit = await open_visit()
    visit.expect_error("503")

    async def answer(route: Route) -> None:
        await (route.fulfill(status=failures.pop()) if failures else route.continue_())

    await visit.context.route("**/live/events*", answer)
    async with visit.context.expect_event("response", lambda response: is_live(response) and response.ok):
        await visit.open()


async def test_a_page_that_does_not_show_a_change_yet_loads_again_until_it_does(
    open_visit: OpenVisit, buyer: Person
) -> None:
    visit = await open_visit(buyer)
    unknown = f"order-{'0' * 24}-1"
    await visit.context.add_cookies([{"name": "seen", "value": unknown, "url": visit.url}])
    page = await visit.open("/orders")
    notice = page.get_by_text("This page does not show it yet")
    await expect(notice).to_be_visible()
    await visit.context.clear_cookies(name="seen")
    await expect(notice).to_be_hidden()
