"""The page of an order: more time, giving it up, and the times that it shows."""

import asyncio
import re
from typing import Any

from browser.shopper import buy_button, open_order, open_ticket, pay, sees_paid
from browser.stage import Stage, seen
from browser.visit import OpenVisit
from playwright.async_api import Locator, Page, Route, expect
from system.people import Person

_CLICK_THE_NEXT_BUTTON = """() => {
  const observer = new MutationObserver(() => {
    observer.disconnect();
    document.querySelector("[data-extend]").click();
  });
  observer.observe(document.getElementById("order"), { childList: true });
}"""
_CLOCK = """async () => {
  const { clock } = await import(document.querySelector("script[src*='shop.js']").src.replace("shop.js", "times.js"));
  const evening = new Date();
  evening.setHours(18, 5, 9);
  const [midnight, yesterday, lastYear] = [new Date(evening), new Date(evening), new Date(evening)];
  midnight.setHours(0, 5);
  yesterday.setDate(yesterday.getDate() - 1);
  lastYear.setFullYear(lastYear.getFullYear() - 1);
  return [clock(evening, true), clock(midnight), clock(yesterday), clock(lastYear), String(yesterday.getDate())];
}"""


async def test_a_double_click_and_a_lost_answer_extend_an_order_once(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    order = await buyer.orders(await seller.lists())
    visit = await open_visit(buyer)
    visit.expect_error("ERR_FAILED")
    asked: list[Any] = []
    is_told = asyncio.Event()

    async def lose_the_first_answer(route: Route) -> None:
        asked.append(route.request.post_data_json)
        if len(asked) > 1:
            await is_told.wait()
            return await route.continue_()
        answer = await buyer.http.post(route.request.url, json=asked[0])
        assert answer.status_code == 200, answer.text
        return await route.abort()

    await visit.context.route("**/extension", lose_the_first_answer)
    page = await open_order(visit, order)
    await page.evaluate(_CLICK_THE_NEXT_BUTTON)
    async with page.expect_response("**/extension"):  # the answer to the repeated request
        await page.get_by_role("button", name="1 more minute (3 times left)").dblclick()
        await expect(page.get_by_role("alert")).to_have_text("The shop does not answer yet. Trying again…")
        is_told.set()
    await expect(page.get_by_role("button", name="1 more minute (2 times left)")).to_be_visible()
    await expect(page.get_by_role("alert")).to_be_hidden()
    await expect(page.locator(".step-sentence").last).to_have_text(
        re.compile(r"^You got more time, until \d\d:\d\d\.$")
    )
    await pay(page)
    await sees_paid(page)
    assert len(asked) == 2
    assert asked[0] == asked[1], "the repeated request names the same deadline"
    assert (await buyer.sees(f"/api/orders/{order['id']}"))["extensionsLeft"] == 2


async def test_an_order_is_given_up_only_after_a_question(stage: Stage) -> None:
    order = await stage.buyer.orders(await stage.lists())
    page = await stage.open(f"/orders/{order['id']}", stage.buyer, seen("order", order))
    give_up, keep, yes = _button(page, "Give it up"), _button(page, "Keep it"), _button(page, "Yes, give it up")
    await expect(yes).to_be_hidden()
    for way_back in ("Enter", "Escape"):
        await give_up.press("Enter")
        await expect(keep).to_be_focused()
        await expect(page.get_by_role("group", name="Give it up?")).to_be_visible()
        await expect(give_up).to_be_hidden()
        await keep.press(way_back)
        await expect(give_up).to_be_focused()
    await give_up.dblclick()
    await _button(page, "1 more minute").click()  # the part of the page is replaced
    await expect(_button(page, "1 more minute (2 times left)")).to_be_visible()
    await yes.click()
    await expect(page.locator("#order")).to_contain_text("You gave the order up.")
    await expect(page.locator("#order")).to_be_focused()
    await page.get_by_role("link", name="Look whether you can buy it again").click()
    await expect(buy_button(page)).to_be_visible()


async def test_times_have_24_hours_and_a_date_if_they_are_not_of_today(stage: Stage) -> None:
    order = await stage.buyer.orders(await stage.lists())
    path, here = f"/orders/{order['id']}", {"locale": "en-US", "timezone_id": "America/New_York"}
    page = await stage.open(path, stage.buyer, seen("order", order), **here)
    await expect(page.locator(".step time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
    evening, midnight, yesterday, last_year, day = await page.evaluate(_CLOCK)
    assert (evening, midnight) == ("18:05:09", "00:05")
    assert re.search(rf"\b{day}\b.* 18:05$", yesterday)
    assert re.search(r"\b20\d\d\b.* 18:05$", last_year)


async def test_who_has_ordered_a_ticket_already_is_led_to_the_order(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    """The page hears nothing, and the shop does not know the order yet when the page asks again."""
    ticket = await seller.lists()
    visit = await open_visit(buyer)
    visit.expect_error("409 ")
    page = await open_ticket(visit, ticket)
    old = (await buyer.http.get(page.url)).text
    await visit.context.route(page.url, lambda route: route.fulfill(body=old, content_type="text/html"))
    await visit.context.route("**/live/events*", lambda _: None)
    await page.reload()
    order = await buyer.orders(ticket)
    await buy_button(page).click()
    await expect(page.get_by_role("alert")).to_have_text("You have ordered this ticket already. Go to your order")
    await page.get_by_role("link", name="Go to your order").click()
    await page.wait_for_url(f"**/orders/{order['id']}")
    await expect(page.get_by_text("The ticket is yours if you pay in time.")).to_be_visible()


def _button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=name == "Give it up")
