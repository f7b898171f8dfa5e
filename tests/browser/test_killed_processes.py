"""A process of the platform is killed in the middle of a purchase. The page recovers by itself."""

import pytest
from browser.outage import ERRORS, stopped
from browser.shopper import (
    NO_CONNECTION,
    buy_button,
    is_paid_once,
    open_order,
    open_ticket,
    order_id_of,
    pay,
    pay_button,
    sees_paid,
)
from browser.visit import OpenVisit, Visit
from playwright.async_api import Page, expect
from system.people import Person

from marketplace.platform import Platform

_PROCESSES = ("storefront", "nats", "orders")
_LONG = 30_000
# What the page says 20 s after a click, when it has tried for long enough.
_SAY_TRY_AGAIN = """async () => {
  const { NoAnswer } = await import(document.querySelector("script[src]").src.replace("shop.js", "api.js"));
  const place = document.querySelector("[data-buy-error]");
  place.textContent = new NoAnswer().message;
  place.hidden = false;
}"""


@pytest.mark.parametrize("process", _PROCESSES)
async def test_a_process_killed_before_buy_between_buy_and_pay_and_during_pay_costs_nobody_anything(
    open_visit: OpenVisit, platform: Platform, seller: Person, buyer: Person, process: str
) -> None:
    visit = await _visit_in_bad_times(open_visit, buyer)
    page = await open_ticket(visit, await seller.lists())
    await platform.kill(process)
    await buy_button(page).click()
    await page.wait_for_url("**/orders/*", timeout=_LONG)
    order_id = await order_id_of(page)
    await platform.kill(process)
    await platform.until_ready()
    await pay(page, "Accepted after a few seconds")
    await platform.kill(process)
    await sees_paid(page)
    await platform.until_ready()
    await is_paid_once(buyer, order_id)


async def test_a_page_says_that_its_connection_is_interrupted_and_when_it_is_back_shows_what_happened(
    open_visit: OpenVisit, platform: Platform, seller: Person, buyer: Person
) -> None:
    ticket = await seller.lists()
    page = await open_ticket(await _visit_in_bad_times(open_visit), ticket)
    notice = page.locator("#connection")
    async with stopped(platform, "storefront"):
        await expect(notice).to_contain_text(NO_CONNECTION)
        order = await buyer.orders(ticket)
        await page.evaluate(_SAY_TRY_AGAIN)
        await expect(page.get_by_role("alert")).to_be_visible()
    await expect(notice).to_be_hidden(timeout=_LONG)
    await expect(page.get_by_role("alert")).to_be_hidden()
    await expect(page.locator("[data-state-text]")).to_have_text("Held")
    await buyer.pays(order)
    await expect(page.locator("[data-state-text]")).to_have_text("Sold")


async def test_a_person_is_told_that_the_shop_does_not_answer_and_that_the_page_tries_again(
    open_visit: OpenVisit, platform: Platform, seller: Person, buyer: Person
) -> None:
    page = await open_ticket(await _visit_in_bad_times(open_visit, buyer), await seller.lists())
    async with stopped(platform, "orders"):
        await buy_button(page).click()
        await expect(page.get_by_role("alert")).to_have_text("The shop does not answer yet. Trying again…")
        await expect(buy_button(page)).to_have_attribute("aria-disabled", "true")
    await _pays(page, buyer)


async def test_who_reloads_during_a_payment_is_told_at_the_end_that_the_card_was_not_charged(
    open_visit: OpenVisit, platform: Platform, seller: Person, buyer: Person
) -> None:
    order = await buyer.orders(await seller.lists())
    page = await open_order(await _visit_in_bad_times(open_visit, buyer), order)
    doubt = page.get_by_text("We do not know yet whether your card was charged. Trying again…")
    async with stopped(platform, "payments"):
        await pay(page)
        await expect(doubt).to_be_visible()
        await page.reload()
        await expect(doubt).to_be_visible()
        await expect(pay_button(page)).to_have_attribute("aria-disabled", "true")
    await expect(page.get_by_role("alert")).to_have_text("Your card was not charged. You can pay again.", timeout=_LONG)
    await expect(doubt).to_be_hidden()
    await pay(page)
    await sees_paid(page)
    await is_paid_once(buyer, order["id"])


async def test_a_page_that_is_opened_while_the_storefront_is_down_appears_by_itself(
    open_visit: OpenVisit, platform: Platform, buyer: Person
) -> None:
    visit = await _visit_in_bad_times(open_visit, buyer)
    async with stopped(platform, "storefront"):
        page = await visit.open("/orders")
        await expect(page.get_by_role("heading")).to_have_text("The shop does not answer")
        await expect(page.get_by_text("This page tries again by itself.")).to_be_visible()
    await expect(page.get_by_role("heading", name="My orders")).to_be_visible()


async def _pays(page: Page, buyer: Person) -> None:
    await page.wait_for_url("**/orders/*", timeout=_LONG)
    order_id = await order_id_of(page)
    await pay(page)
    await sees_paid(page)
    await is_paid_once(buyer, order_id)


async def _visit_in_bad_times(open_visit: OpenVisit, person: Person | None = None) -> Visit:
    visit = await open_visit(person)
    for each in ERRORS:
        visit.expect_error(each)
    return visit
