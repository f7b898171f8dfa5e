"""JavaScript is off: a person can look for tickets, and each page says what else needs JavaScript."""

import re
import secrets

import pytest
from browser.shopper import buy_button
from browser.visit import OpenVisit
from playwright.async_api import Page, Route, expect
from system.people import Person

from devkit.testing.eventually import eventually

_PAGE_SIZE = 24


@pytest.fixture(scope="module")
def word() -> str:
    """The word by which a search finds the tickets of a test alone."""
    return f"w{secrets.token_hex(6)}"


async def test_search_sorting_and_paging_work(open_visit: OpenVisit, seller: Person, word: str) -> None:
    for number in range(_PAGE_SIZE + 2):
        await seller.lists(f"{word} {number}", price=100 - number)
    page = await _open(open_visit, "/")
    await page.get_by_role("searchbox").fill(word)
    await page.get_by_label("Sort by").select_option("Cheapest first")
    await eventually(lambda: _found(page), until=lambda found: found == _PAGE_SIZE, what="a full page")
    titles = await page.locator(".ticket-title").all_inner_texts()
    assert titles == [f"{word} {number}" for number in range(_PAGE_SIZE + 1, 1, -1)]
    await page.get_by_role("link", name="Next page").click()
    assert await page.locator(".ticket-title").all_inner_texts() == [f"{word} 1", f"{word} 0"]
    await expect(page.get_by_role("link", name="Next page")).to_have_count(0)
    await page.get_by_role("link", name=f"{word} 1").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"{word} 1")
    await _says(page, "Buying needs JavaScript")
    await expect(page.get_by_text("On sale", exact=True)).to_be_visible()
    await expect(buy_button(page)).to_be_hidden()
    await expect(page.get_by_text("We hold the ticket for you")).to_be_hidden()


async def test_the_page_of_a_held_ticket_promises_only_what_works(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    ticket = await seller.lists()
    order = await buyer.orders(ticket)
    visit = await open_visit(java_script_enabled=False)
    await visit.context.add_cookies([{"name": "seen", "value": f"order-{order['id']}-1", "url": visit.url}])
    page = await visit.open(f"/tickets/{ticket['id']}")
    await expect(page.get_by_text("Somebody is buying this ticket now.")).to_be_visible()
    await expect(page.get_by_text("Keep this page open.")).to_be_hidden()
    await expect(page.get_by_text(re.compile(r"^until \d\d:\d\d UTC$"))).to_be_visible()
    await expect(page.get_by_text("your time zone")).to_have_count(0)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/sell", "Selling needs JavaScript."),
        ("/signin", "Signing in needs JavaScript."),
        ("/signup", "Creating an account needs JavaScript."),
        ("/orders", "Signing in needs JavaScript."),
        ("/selling", "Signing in needs JavaScript."),
    ],
)
async def test_a_page_says_what_needs_javascript(open_visit: OpenVisit, path: str, sentence: str) -> None:
    page = await _open(open_visit, path)
    await _says(page, sentence)
    for control in await page.get_by_role("main").locator("input, [data-open]").all():
        await expect(control).to_be_hidden()


async def test_the_sign_in_of_every_page_leads_to_a_page(open_visit: OpenVisit) -> None:
    page = await _open(open_visit, "/")
    await page.get_by_role("banner").get_by_role("link", name="Sign in").click()
    await _says(page, "Signing in needs JavaScript.")


@pytest.mark.parametrize("path", ["/signin", "/signup"])
async def test_a_form_that_the_browser_sends_itself_does_not_put_the_password_into_the_address(
    open_visit: OpenVisit, path: str
) -> None:
    visit = await open_visit()
    visit.expect_error("415 ")
    await visit.context.route("**/*.js", _not_yet)
    page = await visit.open(path)
    await page.get_by_label("E-mail address").fill("somebody@example.com")
    await page.get_by_label("Password").fill("correct horse")
    await page.get_by_label("Password").press("Enter")
    await expect(page.locator("[data-error-status]")).to_be_visible()
    assert page.url.endswith(path)


async def test_an_open_order_says_until_when_it_is_held_and_that_paying_needs_javascript(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    order = await buyer.orders(await seller.lists())
    visit = await open_visit(buyer, java_script_enabled=False)
    page = await visit.open(f"/orders/{order['id']}")
    await expect(page.get_by_role("timer")).to_contain_text("until ")
    await _says(page, "Paying needs JavaScript.")


async def _not_yet(route: Route) -> None:
    """Answer with an empty script, as if the script of the page had not started."""
    await route.fulfill(body="", content_type="text/javascript")


async def _says(page: Page, sentence: str) -> None:
    # Playwright's locators find no text in <noscript>, although Chromium shows it.
    await expect(page.locator("main")).to_contain_text(sentence, use_inner_text=True)


async def _found(page: Page) -> int:
    await page.get_by_role("button", name="Search").click()
    return await page.locator(".ticket-title").count()


async def _open(open_visit: OpenVisit, path: str) -> Page:
    return await (await open_visit(java_script_enabled=False)).open(path)
