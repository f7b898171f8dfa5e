"""Two people in two browsers want the same ticket."""

import asyncio

from browser.shopper import (
    TAKEN,
    buy,
    buy_button,
    open_ticket,
    pay,
    sees_paid,
    shown,
    shown_at,
    watch,
)
from browser.visit import OpenVisit
from playwright.async_api import Page, Route, expect
from system.people import Person

_OFFER = "[data-state-text]"


async def test_the_other_buyer_sees_the_ticket_go_and_nothing_false(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    ticket = await seller.lists()
    loser = await open_ticket(await open_visit(), ticket)
    winner = await open_ticket(await open_visit(buyer), ticket)
    await watch(loser, _OFFER)
    await buy(winner)
    await shown_at(loser, "Held")
    await expect(buy_button(loser)).to_be_hidden()
    await expect(loser.get_by_text("Somebody is buying this ticket now.")).to_be_visible()
    await pay(winner)
    await sees_paid(winner)
    await shown_at(loser, "Sold")
    await expect(buy_button(loser)).to_be_hidden()
    assert await shown(loser) == ["On sale", "Held", "Sold"]


async def test_who_waits_for_the_answer_reads_that_the_ticket_is_reserved_for_them(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    """On a slow line, the news that the ticket is held arrives before the answer that says by whom."""
    ticket = await seller.lists()
    visit = await open_visit(buyer)
    page = await open_ticket(visit, ticket)
    read = asyncio.Event()

    async def answer_late(route: Route) -> None:
        order = await buyer.orders(ticket)
        await read.wait()
        await route.fulfill(status=201, json=order)

    await visit.context.route("**/api/orders", answer_late)
    await visit.context.route("**/tickets/*", lambda route: _held_back(route, until=read))  # what loads the page again
    await watch(page, "main")
    await buy_button(page).click()
    await expect(page.locator("[data-ticket]")).to_have_attribute("data-state", "held")
    await expect(page.get_by_text("Reserving this ticket for you…")).to_be_visible()
    await expect(buy_button(page)).to_be_visible()
    texts = await shown(page)
    read.set()
    await expect(page.locator("#order")).to_be_visible()
    assert not [text for text in texts if "Held" in text or "Somebody" in text]


async def test_the_button_appears_when_the_other_buyer_gives_up(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    async with Person.signed_up(str(seller.http.base_url)) as second:
        ticket = await seller.lists()
        waiting = await open_ticket(await open_visit(second), ticket)
        holder = await open_ticket(await open_visit(buyer), ticket)
        await watch(waiting, _OFFER)
        await buy(holder)
        await expect(buy_button(waiting)).to_be_hidden()
        await holder.get_by_role("button", name="Give it up").click()
        await holder.get_by_role("button", name="Yes, give it up").click()
        await shown_at(waiting, "Held", "On sale")
        assert await shown(waiting) == ["On sale", "Held", "On sale"]
        await expect(holder.get_by_text("You gave the order up.").first).to_be_visible()
        await buy(waiting)


async def test_of_two_clicks_at_the_same_moment_one_gets_the_ticket_and_one_a_sentence(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    async with Person.signed_up(str(seller.http.base_url)) as second:
        ticket = await seller.lists()
        visits = [await open_visit(buyer), await open_visit(second)]
        pages = [await open_ticket(visit, ticket) for visit in visits]
        for visit in visits:
            visit.expect_error("409 ")
        await asyncio.gather(*(_clicked(page) for page in pages))
        winner, loser = sorted(pages, key=lambda page: "/orders/" not in page.url)
        assert "/orders/" in winner.url
        await expect(loser.get_by_role("alert")).to_have_text(TAKEN)
        await expect(buy_button(loser)).to_be_hidden()


async def test_who_clicks_before_the_news_arrives_is_told_so_only_as_long_as_it_is_true(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    ticket = await seller.lists()
    async with Person.signed_up(str(seller.http.base_url)) as first:
        visit = await open_visit(buyer)
        visit.expect_error("409 ")
        news = asyncio.Event()
        await visit.context.route("**/live/events*", lambda route: _held_back(route, until=news))
        page = await visit.open(f"/tickets/{ticket['id']}")
        before = (await buyer.http.get(page.url)).text
        order = await first.orders(ticket)
        await page.route(page.url, lambda route: route.fulfill(body=before, content_type="text/html"), times=1)
        await buy_button(page).click()
        await expect(page.get_by_role("alert")).to_have_text(TAKEN)
        await expect(page.locator(_OFFER)).to_have_text("On sale")  # the shop does not know it yet
        news.set()
        await expect(page.locator(_OFFER)).to_have_text("Held")
        await expect(page.get_by_role("alert")).to_have_text(TAKEN)
        await expect(buy_button(page)).to_be_hidden()
        await first.http.delete(f"/api/orders/{order['id']}")
        await expect(buy_button(page)).to_be_visible()
        await expect(page.get_by_role("alert")).to_be_hidden()


async def _clicked(page: Page) -> None:
    await page.locator("[data-buy]").dispatch_event("click")  # the news may be faster than the mouse
    await expect(page.locator("#order, [data-buy-error]:not([hidden])")).to_be_visible()


async def _held_back(route: Route, until: asyncio.Event) -> None:
    await until.wait()
    await route.continue_()
