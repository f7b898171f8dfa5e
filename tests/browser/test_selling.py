"""A seller in the browser: list a ticket, change and withdraw a listing, and see what was sold."""

import re
from datetime import UTC, datetime

import pytest
from browser.shopper import note_loads
from browser.stage import Stage, seen
from browser.states import sale
from playwright.async_api import Locator, Page, Request, Route, expect

_WITHIN_1_S = 1000


def _row(page: Page, ticket: dict[str, object]) -> Locator:
    return page.locator(f"[data-ticket='{ticket['id']}']")


async def test_a_ticket_is_listed_with_title_and_price_alone(stage: Stage) -> None:
    page = await stage.open("/sell", stage.seller)
    await page.get_by_label("Title").fill("Hamlet")
    await page.get_by_label("Price in US dollars").fill("19,90")
    await page.get_by_role("button", name="Put it on sale").click()
    await page.wait_for_url("**/selling")
    row = page.locator(".row-item", has_text="Hamlet")
    await expect(row).to_contain_text("$19.90")
    await expect(row).to_contain_text("On sale")
    (ticket,) = [each for each in (await stage.seller.sees("/api/tickets"))["tickets"] if each["title"] == "Hamlet"][:1]
    assert (ticket["price"], ticket["venue"], ticket["startsAt"], ticket["place"]) == (19.9, None, None, None)


@pytest.mark.parametrize(
    ("zone", "summer", "winter"),
    [
        ("Europe/Rome", "+02:00", "+01:00"),
        ("America/New_York", "-04:00", "-05:00"),
        ("Asia/Kolkata", "+05:30", "+05:30"),
    ],
)
async def test_the_time_of_an_event_keeps_the_offset_of_the_browser(
    stage: Stage, zone: str, summer: str, winter: str
) -> None:
    year = datetime.now(UTC).year + 1
    page = await stage.open("/sell", stage.seller, timezone_id=zone)
    for day, offset in {f"{year}-07-01": summer, f"{year}-12-01": winter}.items():
        await page.goto("/sell")
        await page.get_by_label("Title").fill(f"Aida {zone}")
        await page.get_by_label("Price in US dollars").fill("112")
        await page.get_by_label("Venue").fill("Arena")
        await page.get_by_label("Date and time").fill(f"{day}T20:30")
        await page.get_by_label("Section").fill("Gradinata")
        await page.get_by_label("Seat").fill("7")
        await page.get_by_role("button", name="Put it on sale").click()
        await page.wait_for_url("**/selling")
        listed = await page.locator(".row-item").first.get_attribute("data-ticket")
        ticket = await stage.seller.sees(f"/api/tickets/{listed}")
        assert ticket["startsAt"] == f"{day}T20:30:00{offset}"
        assert ticket["place"] == {"section": "Gradinata", "row": None, "seat": "7"}
        await expect(_row(page, ticket)).to_contain_text(re.compile(r" \d+ (Jul|Dec) \d{4}, 20:30"))

        # A change of something else leaves the time as it is, also on a computer in another zone.
        await _change(page, ticket, "Price in US dollars", "99")
        await expect(_row(page, ticket)).to_contain_text("$99.00")
        assert (await stage.seller.sees(f"/api/tickets/{ticket['id']}"))["startsAt"] == ticket["startsAt"]


async def test_errors_stand_beside_their_fields_and_the_input_stays(stage: Stage) -> None:
    page = await stage.open("/sell", stage.seller, errors="422 ")
    await page.get_by_label("Title").fill("Hamlet")
    await page.get_by_label("Price in US dollars").fill("twenty")
    await page.get_by_label("Date and time").fill("2020-01-01T20:00")
    await page.get_by_role("button", name="Put it on sale").click()
    await expect(page.locator("[data-error-for='price']")).to_contain_text("digits")
    await page.get_by_label("Price in US dollars").fill("20")
    await page.get_by_role("button", name="Put it on sale").click()
    await expect(page.locator("[data-error-for='startsAt']")).to_have_text("Must be in the future.")
    await expect(page.locator("[data-error-for='price']")).to_be_empty()
    await expect(page.get_by_label("Title")).to_have_value("Hamlet")


async def test_a_listing_whose_answer_is_lost_is_sent_once(stage: Stage) -> None:
    page = await stage.open("/sell", stage.seller, errors="503 ")
    sent: list[Request] = []

    async def lose(route: Route) -> None:
        sent.append(route.request)
        await route.fulfill(status=503)

    await page.route("**/api/tickets", lose)
    await page.get_by_label("Title").fill("Hamlet")
    await page.get_by_label("Price in US dollars").fill("20")
    await page.get_by_role("button", name="Put it on sale").click()
    await expect(page.get_by_role("alert")).to_contain_text("Look before you try again.")
    assert len(sent) == 1


async def test_a_listing_is_changed(stage: Stage) -> None:
    ticket = await stage.lists(venue="Opera House")
    page = await stage.open("/selling", stage.seller, seen("ticket", ticket))
    await _change(page, ticket, "Title", "Hamlet")
    await expect(_row(page, ticket)).to_contain_text("Hamlet")
    await _change(page, ticket, "Venue", "")
    await expect(_row(page, ticket).get_by_label("Venue")).to_have_value("")
    assert (await stage.seller.sees(f"/api/tickets/{ticket['id']}"))["venue"] is None


async def test_a_listing_that_nobody_holds_is_withdrawn(stage: Stage) -> None:
    ticket, other = await stage.lists("Withdrawn soon"), await stage.lists("Stays")
    page = await stage.open("/selling", stage.seller, seen("ticket", other))
    watched = await stage.open(f"/tickets/{ticket['id']}", errors="404 ")
    await _row(page, ticket).get_by_role("button", name="Withdraw").click()
    await expect(watched.get_by_text("Withdrawn", exact=True)).to_be_visible(timeout=_WITHIN_1_S)
    await expect(watched.get_by_role("button", name="Buy")).to_be_hidden()
    await expect(_row(page, ticket)).to_have_count(0)
    await expect(_row(page, other)).to_have_count(1)


async def test_a_listing_that_somebody_holds_cannot_be_changed_or_withdrawn(stage: Stage) -> None:
    ticket = await stage.lists()
    page = await stage.open("/selling", stage.seller, seen("ticket", ticket))
    await expect(_row(page, ticket).get_by_role("button", name="Withdraw")).to_be_visible()
    order = await stage.buyer.orders(ticket)
    await expect(_row(page, ticket).get_by_role("button", name="Withdraw")).to_be_hidden(timeout=_WITHIN_1_S)
    await expect(_row(page, ticket).get_by_text("Change", exact=True)).to_be_hidden()
    await expect(_row(page, ticket)).to_contain_text("Held")
    await stage.buyer.http.delete(f"/api/orders/{order['id']}")
    await expect(_row(page, ticket).get_by_role("button", name="Withdraw")).to_be_visible(timeout=_WITHIN_1_S)


async def test_the_sum_of_what_was_sold_follows_a_sale(stage: Stage) -> None:
    await sale(stage)
    ticket = await stage.lists(price="80.10")
    page = await stage.open("/selling", stage.seller, seen("ticket", ticket))
    sums = page.locator(".sums dd")
    await expect(sums).to_have_text(["1 ticket", "$19.90"])
    await stage.buyer.pays(await stage.buyer.orders(ticket))
    await expect(sums).to_have_text(["2 tickets", "$100.00"])
    await expect(_row(page, ticket)).to_have_attribute("data-state", "sold")


async def test_what_a_seller_types_survives_a_change_of_another_listing(stage: Stage) -> None:
    ticket, other = await stage.lists("First"), await stage.lists("Second")
    page = await stage.open("/selling", stage.seller, seen("ticket", other))
    await _row(page, ticket).get_by_text("Change", exact=True).click()
    await _row(page, ticket).get_by_label("Title").fill("A new title")
    await note_loads(page)
    await stage.buyer.orders(other)
    await expect(_row(page, other)).to_have_attribute("data-state", "held")
    await expect(_row(page, other).get_by_role("button", name="Withdraw")).to_be_hidden()
    await page.wait_for_selector("body[data-loaded]")
    await expect(_row(page, ticket).get_by_label("Title")).to_have_value("A new title")


async def _change(page: Page, ticket: dict[str, object], label: str, value: str) -> None:
    await _row(page, ticket).get_by_text("Change", exact=True).click()
    await _row(page, ticket).get_by_label(label).fill(value)
    async with page.expect_navigation():
        await _row(page, ticket).get_by_role("button", name="Save").click()
