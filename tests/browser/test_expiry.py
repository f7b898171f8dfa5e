"""The time to pay passes. The clock of the browser's computer is wrong by an hour."""

from datetime import datetime
from typing import Any

from browser.outage import stopped
from browser.shopper import buy_button, open_order, open_ticket, pay_button, shown, shown_at, watch
from browser.visit import OpenVisit
from playwright.async_api import expect
from system.people import Person

from marketplace.platform import Platform

_ONE_SECOND = 1000
_LONG_ENOUGH = 8
"""The time to pay, in seconds. On a busy machine, the browser needs some of it to open the page."""
_IS_OVER = "The time to pay was over, so the order was cancelled."
_IS_BEING_CLOSED = "The time to pay is over. The order is being closed."
_WRONG_CLOCK = """
const Right = Date;
Date = class extends Right {
    constructor(...moment) { moment.length ? super(...moment) : super(Right.now() + 3_600_000); }
    static now() { return Right.now() + 3_600_000; }
};
"""


async def test_the_countdown_is_right_to_the_second_and_ends_with_the_expired_order(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    visit = await open_visit(buyer)
    await visit.context.add_init_script(_WRONG_CLOCK)
    order = await buyer.orders(await seller.lists(), windowSeconds=_LONG_ENOUGH)
    page = await open_order(visit, order)
    await watch(page, "#order")
    end = _end_of(order)
    for left in (3, 2, 1):
        assert abs(await shown_at(page, f"Time left 0:0{left}") - (end - left * _ONE_SECOND)) < _ONE_SECOND
    assert -_ONE_SECOND / 2 < await shown_at(page, _IS_OVER) - end < 2 * _ONE_SECOND
    await expect(pay_button(page)).to_be_hidden()
    assert "Time left" not in (await shown(page))[-1]


async def test_the_page_says_at_once_that_the_time_is_up_though_nobody_has_ended_the_order(
    open_visit: OpenVisit, platform: Platform, seller: Person, buyer: Person
) -> None:
    visit = await open_visit(buyer)
    async with stopped(platform, "expiration"):
        order = await buyer.orders(await seller.lists(), windowSeconds=_LONG_ENOUGH)
        page = await open_order(visit, order)
        await watch(page, "#order")
        ticket = await visit.open(f"/tickets/{order['ticket']['id']}")
        await expect(ticket.locator("[data-until-text]")).to_be_visible()
        assert 0 <= await shown_at(page, _IS_BEING_CLOSED) - _end_of(order) < _ONE_SECOND
        await expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
        await expect(ticket.locator("[data-until-text]")).to_be_hidden()
    await expect(page.locator("#order")).to_contain_text(_IS_OVER, timeout=20_000)
    await expect(pay_button(page)).to_be_hidden()


async def test_who_waits_for_a_ticket_gets_the_button_when_the_time_of_its_buyer_is_over(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    ticket = await seller.lists()
    page = await open_ticket(await open_visit(), ticket)
    await watch(page, "[data-state-text]")
    order = await buyer.orders(ticket, windowSeconds=2)
    await expect(page.locator("[data-until-text]")).to_be_visible()
    assert 0 <= await shown_at(page, "Held", "On sale") - _end_of(order) < 2 * _ONE_SECOND
    assert await shown(page) == ["On sale", "Held", "On sale"]
    await expect(page.locator("[data-until-text]")).to_be_hidden()
    await expect(buy_button(page)).to_be_visible()


def _end_of(order: dict[str, Any]) -> float:
    return datetime.fromisoformat(order["expiresAt"]).timestamp() * _ONE_SECOND
