"""The session of a person is over while a page is open, and the person goes on without losing anything."""

import re

from browser.own_listings import change, row_of
from browser.shopper import open_order, pay, pay_button, sees_paid
from browser.signing_in import end_session, header_says, look_again, sign_in
from browser.stage import Stage, seen
from browser.visit import OpenVisit
from playwright.async_api import Page, expect
from system.people import Person

_SIGNED_OUT = "You are signed out."


async def test_an_order_stays_on_its_page_and_more_time_is_given_after_the_sign_in(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    order = await buyer.orders(await seller.lists())
    visit = await open_visit(buyer)
    page = await open_order(visit, order)
    await end_session(visit)
    await look_again(page)
    await expect(page.locator("#signed-out")).to_contain_text(_SIGNED_OUT)
    await header_says(page, signed_in=False)
    await _sees_order(page)
    await page.locator("[data-extend]").click()
    await expect(page.get_by_role("dialog")).to_contain_text("You are signed out. Sign in to go on.")
    await _sees_order(page)
    async with page.expect_response("**/extension"):
        await sign_in(page.get_by_role("dialog"), buyer)
    await header_says(page, signed_in=True)
    await expect(page.locator("#signed-out")).to_be_hidden()
    await _sees_order(page)
    assert (await buyer.sees(f"/api/orders/{order['id']}"))["extensionsLeft"] == 2


async def test_a_payment_is_sent_again_with_the_same_key_after_the_sign_in(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    visit = await open_visit(buyer)
    page = await open_order(visit, await buyer.orders(await seller.lists()))
    keys: list[str | None] = []
    page.on("request", lambda sent: keys.append(sent.headers.get("idempotency-key")) if _pays(sent.url) else None)
    await end_session(visit)
    await pay(page)
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await expect(page.locator("#pay").get_by_role("alert")).to_have_text("You are signed out. Nothing was done.")
    await pay_button(page).click()
    await sign_in(page.get_by_role("dialog"), buyer)
    await sees_paid(page)
    assert len(keys) == 3
    assert keys[1] == keys[2]


async def test_what_a_seller_has_typed_is_put_on_sale_after_the_sign_in(stage: Stage) -> None:
    visit = await stage.open_visit(stage.seller)
    page = await visit.open("/sell")
    await _type_listing(page)
    await end_session(visit)
    await page.get_by_role("button", name="Put it on sale").click()
    await sign_in(page.get_by_role("dialog"), stage.seller)
    await page.wait_for_url("**/selling")
    await expect(page.locator(".row-item")).to_have_count(1)


async def test_the_listings_stay_when_the_tab_is_shown_again(stage: Stage) -> None:
    ticket = await stage.lists()
    visit = await stage.open_visit(stage.seller)
    await visit.context.add_cookies([{"name": "seen", "value": seen("ticket", ticket), "url": visit.url}])
    page = await visit.open("/selling")
    await end_session(visit)
    await look_again(page)
    notice = page.locator("#signed-out")
    await expect(notice).to_contain_text(_SIGNED_OUT)
    await expect(page.locator(".row-item")).to_have_count(1)
    await notice.get_by_role("link", name="Sign in").click()
    await sign_in(page.get_by_role("dialog"), stage.buyer)
    await expect(page.get_by_text("You sell nothing yet")).to_be_visible()  # this is somebody else
    await header_says(page, signed_in=True)


async def test_who_signs_in_sees_no_listings_of_the_person_before(stage: Stage) -> None:
    ticket = await stage.lists()
    visit = await stage.open_visit(stage.seller)
    visit.expect_error("401 |403 ")
    await visit.context.add_cookies([{"name": "seen", "value": seen("ticket", ticket), "url": visit.url}])
    page = await visit.open("/selling")
    await change(page, ticket, "Title", "Not saved yet", saves=False)
    await end_session(visit)
    await page.get_by_role("button", name="Save").click()
    await sign_in(page.get_by_role("dialog"), stage.buyer)
    await expect(page.get_by_text("You sell nothing yet")).to_be_visible()
    await expect(row_of(page, ticket)).to_have_count(0)
    assert (await stage.seller.sees(f"/api/tickets/{ticket['id']}"))["title"] == ticket["title"]


async def test_who_signs_in_in_another_tab_can_save_what_is_typed_here(stage: Stage) -> None:
    visit = await stage.open_visit()
    page, other = await visit.open("/sell"), await visit.open("/signin")
    await _type_listing(page)
    await sign_in(other.get_by_role("main"), stage.seller)
    await header_says(page, signed_in=True)
    await page.get_by_role("button", name="Put it on sale").click()
    await page.wait_for_url("**/selling")
    await expect(page.locator(".row-item")).to_have_count(1)


async def test_who_signs_in_in_the_header_keeps_what_is_typed(stage: Stage) -> None:
    page = await stage.open("/sell")
    await _type_listing(page)
    await page.get_by_role("banner").get_by_role("link", name="Sign in").click()
    dialog = page.get_by_role("dialog")
    await sign_in(dialog, stage.seller)
    await header_says(page, signed_in=True)
    await expect(page.get_by_label("Title")).to_have_value("Hamlet")


async def _type_listing(page: Page) -> None:
    await page.get_by_label("Title").fill("Hamlet")
    await page.get_by_label("Price in US dollars").fill("19.90")


async def _sees_order(page: Page) -> None:
    await expect(page.get_by_role("timer")).to_contain_text(re.compile(r"\d:\d\d"))
    await expect(pay_button(page)).to_be_visible()
    await expect(page.locator(".step")).not_to_have_count(0)


def _pays(url: str) -> bool:
    return url.endswith("/api/payments")
