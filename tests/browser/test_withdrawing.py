"""A seller in the browser withdraws listings, while others buy."""

import asyncio

import pytest
from browser.own_listings import row_of, withdraw_button
from browser.shopper import note_loads
from browser.stage import Stage, seen
from playwright.async_api import Locator, Page, Route, expect


async def test_a_listing_that_somebody_holds_cannot_be_changed_or_withdrawn(stage: Stage) -> None:
    ticket = await stage.lists()
    page = await stage.open("/selling", stage.seller, seen("ticket", ticket))
    row = row_of(page, ticket)
    await expect(withdraw_button(row)).to_be_visible()
    order = await stage.buyer.orders(ticket)
    await expect(withdraw_button(row)).to_be_hidden()
    await expect(row.get_by_text("Change", exact=True)).to_be_hidden()
    await expect(row).to_contain_text("Held")
    await stage.buyer.http.delete(f"/api/orders/{order['id']}")
    await expect(withdraw_button(row)).to_be_visible()


async def test_a_withdrawn_listing_stays_in_its_place_until_the_page_is_loaded(stage: Stage) -> None:
    last, ticket, other = await stage.lists("Last"), await stage.lists("Withdrawn soon"), await stage.lists("Stays")
    page = await stage.open("/selling", stage.seller, seen("ticket", other))
    watched = await stage.open(f"/tickets/{ticket['id']}", errors="404 ")
    own = await stage.open(f"/tickets/{ticket['id']}", stage.seller)
    row = row_of(page, ticket)
    await withdraw_button(row).press("Enter")
    await expect(row.get_by_role("group", name="Withdraw for good?")).to_be_visible()
    order = await stage.buyer.orders(last)  # the page loads its list again, and the question stays
    await expect(row_of(page, last).locator("form [type=submit]")).to_be_disabled()
    await expect(row.get_by_role("button", name="Keep it")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(withdraw_button(row)).to_be_focused()
    await note_loads(page)
    await stage.buyer.http.delete(f"/api/orders/{order['id']}")
    await page.wait_for_selector("body[data-loaded]")
    await expect(withdraw_button(row)).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(watched.get_by_text("Withdrawn", exact=True)).to_be_visible()
    await expect(watched.get_by_role("button", name="Buy")).to_be_hidden()
    await expect(own.get_by_text("You have withdrawn it.")).to_be_visible()
    await expect(own.get_by_role("link", name="Change it")).to_be_hidden()
    await stage.buyer.orders(other)  # the page loads its list again
    await expect(row_of(page, other)).to_have_attribute("data-state", "held")
    await expect(row_of(page, other).locator("form [type=submit]")).to_be_disabled()
    order = await page.locator(".rows > li").evaluate_all("rows => rows.map(row => row.dataset.ticket)")
    assert order[:3] == [other["id"], ticket["id"], last["id"]]
    await expect(row.get_by_role("button")).to_have_count(0)
    await expect(row.get_by_text("You have withdrawn this ticket.")).to_be_focused()
    await page.reload()
    await expect(row).to_have_count(0)


@pytest.mark.parametrize("width", [1100, 320])
async def test_a_double_click_withdraws_neither_this_listing_nor_the_next(stage: Stage, width: int) -> None:
    next_one, ticket = await stage.lists("Next"), await stage.lists("This")
    viewport = {"width": width, "height": 900}
    page = await stage.open("/selling", stage.seller, seen("ticket", ticket), viewport=viewport)
    row = row_of(page, ticket)
    await withdraw_button(row).dblclick()
    await expect(row.get_by_role("group", name="Withdraw for good?")).to_be_visible()
    await row.get_by_role("button", name="Keep it").click()
    for corner in ((4, 4), (-4, -4)):  # also if the second click is too late for a double click
        point = await _click(page, withdraw_button(row), corner)
        assert await page.evaluate(_BUTTON_AT, point) in ("", "Keep it")
        await row.get_by_role("button", name="Keep it").click()
    await withdraw_button(row).click()
    point = await _click(page, row.get_by_role("button", name="Yes, withdraw"), (4, 4))
    await expect(row).to_have_attribute("data-state", "withdrawn")
    assert await page.evaluate(_BUTTON_AT, point) == ""
    assert (await stage.seller.sees(f"/api/tickets/{next_one['id']}"))["version"] == 1


_BUTTON_AT = "([x, y]) => document.elementFromPoint(x, y).closest('a, button, summary')?.textContent ?? ''"


async def _click(page: Page, button: Locator, corner: tuple[int, int]) -> list[float]:
    """Click near the upper left corner of a button, or with negative numbers near its lower right corner."""
    box = await button.bounding_box()
    assert box
    x = box["x"] + corner[0] + (box["width"] if corner[0] < 0 else 0)
    y = box["y"] + corner[1] + (box["height"] if corner[1] < 0 else 0)
    await page.mouse.click(x, y)
    return [x, y]


async def test_who_withdraws_too_late_is_told_that_it_was_not_withdrawn_and_why(stage: Stage) -> None:
    ticket = await stage.lists()
    page = await stage.open("/selling", stage.seller, seen("ticket", ticket), errors="409 ")
    row, told = row_of(page, ticket), "It was not withdrawn, because somebody is buying"

    async def buy_first(route: Route) -> None:
        order = await stage.buyer.orders(ticket)
        await stage.seller.sees_ticket_held_by(ticket, order["id"])
        await route.continue_()

    await page.route("**/api/tickets/*", buy_first)
    await withdraw_button(row).click()
    await row.get_by_role("button", name="Yes, withdraw").click()
    await expect(row.get_by_text(told)).to_be_visible()
    await expect(page.get_by_role("status").filter(has_text=told)).to_have_count(1)
    await expect(row).to_have_attribute("data-state", "held")
    await note_loads(page)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # the page loads its list again
    await page.wait_for_selector("body[data-loaded]")
    await expect(row.get_by_text(told)).to_be_visible()
    await expect(row.get_by_role("group", name="Withdraw for good?")).to_be_hidden()


async def test_a_load_that_is_older_than_the_withdrawal_does_not_take_it_back(stage: Stage) -> None:
    ticket, (is_read, may_arrive) = await stage.lists(), (asyncio.Event(), asyncio.Event())
    page = await stage.open("/selling", stage.seller, seen("ticket", ticket))
    row = row_of(page, ticket)

    async def arrive_late(route: Route) -> None:
        answer = await stage.seller.http.get("/selling", headers={"Accept": "text/html"})
        is_read.set()
        await may_arrive.wait()
        await route.fulfill(body=answer.text, content_type="text/html")

    await page.route("**/selling", arrive_late, times=1)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # the page loads its list again
    await is_read.wait()
    await withdraw_button(row).press("Enter")
    await row.get_by_role("button", name="Yes, withdraw").press("Enter")
    await expect(row.get_by_text("You have withdrawn this ticket.")).to_be_focused()
    await note_loads(page)
    may_arrive.set()
    await page.wait_for_selector("body[data-loaded]")
    await expect(row).to_have_attribute("data-state", "withdrawn")
    await expect(row.get_by_text("You have withdrawn this ticket.")).to_be_focused()
