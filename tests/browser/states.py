"""Every state of every page. STATES maps its name to what brings the shop there and returns the page."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from browser.own_listings import row_of, withdraw_button
from browser.rendered import RENDERED
from browser.stage import Stage, seen
from playwright.async_api import Page, expect

State = Callable[[Stage], Awaitable[Page]]

STATES: dict[str, State] = {
    f"{name} (rendered)": lambda stage, render=render: stage.open_rendered(render())  # type: ignore[misc]
    for name, render in RENDERED.items()
}


def _state(state: State) -> State:
    STATES[state.__name__.strip("_").replace("_", " ")] = state
    return state


def _in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")


@_state
async def _list_full(stage: Stage) -> Page:
    word = await full_list(stage)
    return await stage.open(f"/?q={word}", stage.buyer)


@_state
async def _list_last_page(stage: Stage) -> Page:
    page = await stage.open(f"/?q={await full_list(stage)}&show=all&from=2026-01-01")
    await page.get_by_role("link", name="Next page").click()
    await expect(page.locator(".tickets > li")).to_have_count(2)
    return page


@_state
async def _list_without_a_match(stage: Stage) -> Page:
    return await stage.open(f"/?q={secrets.token_hex(8)}")


@_state
async def _list_without_a_match_on_these_days(stage: Stage) -> Page:
    return await stage.open("/?from=2020-01-01&to=2020-01-02&show=all")


@_state
async def _list_with_a_new_ticket(stage: Stage) -> Page:
    page = await stage.open("/")
    await stage.lists()
    await expect(page.locator("#new-tickets")).to_be_visible()
    return page


@_state
async def _ticket_on_sale(stage: Stage) -> Page:
    ticket = await stage.lists(venue="Opera House", startsAt=_in_days(30), place={"section": "Stalls", "row": "F"})
    return await stage.open(f"/tickets/{ticket['id']}", after=seen("ticket", ticket))


@_state
async def _ticket_held_by_somebody(stage: Stage) -> Page:
    ticket = await stage.lists()
    order = await stage.buyer.orders(ticket)
    return await stage.open(f"/tickets/{ticket['id']}", after=seen("order", order))


@_state
async def _ticket_held_by_me(stage: Stage) -> Page:
    ticket = await stage.lists()
    order = await stage.buyer.orders(ticket)
    return await stage.open(f"/tickets/{ticket['id']}", stage.buyer, seen("order", order))


@_state
async def _ticket_sold(stage: Stage) -> Page:
    order = await sale(stage)
    page = await stage.open(f"/tickets/{order['ticket']['id']}", after=seen("order", order))
    await expect(page.locator("[data-ticket]")).to_have_attribute("data-state", "sold")
    return page


@_state
async def _my_own_ticket(stage: Stage) -> Page:
    ticket = await stage.lists()
    return await stage.open(f"/tickets/{ticket['id']}", stage.seller, seen("ticket", ticket))


@_state
async def _sign_in_dialog(stage: Stage) -> Page:
    page = await stage.open()
    await page.get_by_role("banner").get_by_role("link", name="Sign in").click()
    return page


@_state
async def _sign_up_dialog_with_errors(stage: Stage) -> Page:
    page = await stage.open(errors="422 ")
    await page.get_by_role("banner").get_by_role("link", name="Sign up").click()
    return await _submit_nothing(page, page.get_by_role("dialog").get_by_role("button", name="Create account").click())


@_state
async def _sign_in_page_with_a_wrong_password(stage: Stage) -> Page:
    page = await stage.open("/signin", errors="401 ")
    await page.get_by_label("E-mail address").first.fill("nobody@example.com")
    await page.get_by_label("Password").first.fill("wrong horse")
    await page.get_by_role("main").get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("main").get_by_role("alert")).to_be_visible()
    return page


@_state
async def _sign_up_page(stage: Stage) -> Page:
    return await stage.open("/signup")


@_state
async def _orders_for_nobody(stage: Stage) -> Page:
    return await stage.open("/orders")


@_state
async def _orders_empty(stage: Stage) -> Page:
    return await stage.open("/orders", stage.buyer)


@_state
async def _orders_full(stage: Stage) -> Page:
    await sale(stage)
    await cancelled(stage)
    order = await stage.buyer.orders(await stage.lists("An open-air concert with a title that needs two lines"))
    return await stage.open("/orders", stage.buyer, seen("order", order))


@_state
async def _order_open(stage: Stage) -> Page:
    order = await stage.buyer.orders(await stage.lists())
    return await stage.open(f"/orders/{order['id']}", stage.buyer, seen("order", order))


@_state
async def _order_to_give_up(stage: Stage) -> Page:
    page = await _order_open(stage)
    await page.get_by_role("button", name="Give it up").click()
    return page


@_state
async def _order_with_a_declined_card(stage: Stage) -> Page:
    order = await stage.buyer.orders(await stage.lists())
    page = await stage.open(f"/orders/{order['id']}", stage.buyer, seen("order", order), errors="402 ")
    await page.get_by_label("Test card").select_option("Not enough money on it")
    await page.get_by_role("button", name="Pay $").click()
    await expect(page.locator("#pay .alert, #pay .error").filter(visible=True)).to_have_count(1)
    return page


@_state
async def _order_paid(stage: Stage) -> Page:
    order = await sale(stage)
    page = await stage.open(f"/orders/{order['id']}", stage.buyer, seen("order", order))
    await expect(page.get_by_text("You have paid.")).to_be_visible()
    await expect(page.locator(".step")).to_have_count(3)
    return page


@_state
async def _order_cancelled(stage: Stage) -> Page:
    order = await cancelled(stage)
    return await stage.open(f"/orders/{order['id']}", stage.buyer, seen("order", order))


@_state
async def _sell_empty(stage: Stage) -> Page:
    return await stage.open("/sell", stage.seller)


@_state
async def _sell_with_errors(stage: Stage) -> Page:
    page = await stage.open("/sell", stage.seller, errors="422 ")
    return await _submit_nothing(page, page.get_by_role("button", name="Put it on sale").click())


@_state
async def _selling_empty(stage: Stage) -> Page:
    return await stage.open("/selling", stage.seller)


@_state
async def _selling_full_with_an_open_form(stage: Stage) -> Page:
    await sale(stage)
    await stage.buyer.orders(await stage.lists("Held"))
    othello = await stage.lists("Othello")
    ticket = await stage.lists("Hamlet", venue="Globe Playhouse", startsAt=_in_days(9), place={"seat": "4"})
    page = await stage.open("/selling", stage.seller, seen("ticket", ticket))
    await page.get_by_text("Change", exact=True).first.click()
    await withdraw_button(row_of(page, othello)).click()
    return page


@_state
async def _no_such_page(stage: Stage) -> Page:
    return await stage.open(f"/tickets/{'0' * 24}", errors="404 ")


@_state
async def _order_of_somebody_else(stage: Stage) -> Page:
    order = await stage.buyer.orders(await stage.lists())
    return await stage.open(f"/orders/{order['id']}", stage.seller, seen("order", order), errors="403 ")


async def full_list(stage: Stage) -> str:
    """List two tickets more than one page has. Return the word by which a search finds them alone."""
    word = f"w{secrets.token_hex(8)}"
    for number in range(26):
        await stage.lists(f"Concert {number} {word}", venue="Opera House", startsAt=_in_days(30))
    return word


async def sale(stage: Stage) -> dict[str, Any]:
    order = await stage.buyer.orders(await stage.lists())
    await stage.buyer.pays(order)
    await stage.buyer.sees_order_become(order, "completed")
    return await stage.buyer.sees(f"/api/orders/{order['id']}")


async def cancelled(stage: Stage) -> dict[str, Any]:
    order = await stage.buyer.orders(await stage.lists())
    await stage.buyer.http.delete(f"/api/orders/{order['id']}")
    return await stage.buyer.sees(f"/api/orders/{order['id']}")


async def _submit_nothing(page: Page, submit: Awaitable[None]) -> Page:
    await submit
    await expect(page.locator(".error").filter(visible=True)).not_to_have_count(0)
    return page
