"""A seller in the browser: list a ticket, change and withdraw a listing, and see what was sold."""

import re
from datetime import UTC, datetime

import pytest
from browser.own_listings import change, row_of
from browser.stage import Stage, seen
from browser.states import sale
from playwright.async_api import Page, Request, Route, expect


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
        await expect(row_of(page, ticket)).to_contain_text(re.compile(r" \d+ (Jul|Dec) \d{4}, 20:30"))

        # A change of something else leaves the time as it is, also on a computer in another zone.
        await change(page, ticket, "Price in US dollars", "99")
        await expect(row_of(page, ticket)).to_contain_text("$99.00")
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


async def test_the_sum_of_what_was_sold_follows_a_sale(stage: Stage) -> None:
    await sale(stage)
    ticket = await stage.lists(price="80.10")
    page = await stage.open("/selling", stage.seller, seen("ticket", ticket))
    sums = page.locator(".sums dd")
    await expect(sums).to_have_text(["1 ticket", "$19.90"])
    await stage.buyer.pays(await stage.buyer.orders(ticket))
    await expect(sums).to_have_text(["2 tickets", "$100.00"])
    await expect(row_of(page, ticket)).to_have_attribute("data-state", "sold")


async def test_what_the_browser_cannot_send_is_said_in_plain_words(stage: Stage) -> None:
    page = await stage.open("/sell", stage.seller, errors="422 ")
    submit = page.get_by_role("button", name="Put it on sale")
    await submit.click()
    await _error(page, "title", "Enter a title.")
    await _error(page, "price", "Enter a price, such as 19.90.")
    await expect(page.get_by_label("Title")).to_be_focused()
    await page.get_by_label("Title").fill("x" * 201)
    await page.get_by_label("Price in US dollars").fill("20")
    await page.get_by_label("Seat").fill("7" * 51)
    await page.get_by_label("Date and time").focus()
    await page.keyboard.type("12")  # the month alone: the browser says that the field is empty
    await submit.click()
    await _error(page, "title", "Use at most 200 characters. These are 201.")
    await _error(page, "place.seat", "Use at most 50 characters. These are 51.")
    await _error(page, "startsAt", "Complete the date and the time, or remove both.")
    await page.get_by_label("Date and time").fill("20270-05-01T20:00")
    await submit.click()
    await _error(page, "startsAt", "Enter a year of four digits.")
    await page.get_by_label("Date and time").fill("")
    await page.get_by_label("Seat").fill("")
    await page.get_by_label("Title").fill("\u200b\u200b")
    await submit.click()
    await _error(page, "title", "Must have at least one visible character.")


async def _error(page: Page, field: str, text: str) -> None:
    await expect(page.locator(f"[data-error-for='{field}']")).to_have_text(text)
