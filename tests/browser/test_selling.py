"""A seller in the browser: list a ticket, change and withdraw a listing, and see what was sold."""

import re
import secrets
from datetime import UTC, date, datetime

import httpx
import pytest
from browser.own_listings import change, row_of
from browser.signing_in import header_says, sign_in
from browser.stage import Stage, seen
from browser.states import sale
from playwright.async_api import Page, Route, expect
from system.people import Person

_DIGITS = "Enter digits, with at most one point between them, such as 20 or 19.90."
_THOUSANDS = "Write thousands without a point, comma or space, for example "
_NO_PRICES = {
    **dict.fromkeys((".5", "20.", "1e3", "-1", "1.2.3", "$"), _DIGITS),
    **dict.fromkeys(("1,000", "1.000", "1 000", "$1,000.00", "1.000,00 USD"), f"{_THOUSANDS}1000.00."),
    "1,234,567.5": f"{_THOUSANDS}1234567.5.",
    "19.9999": "Enter at most two digits after the point, such as 19.90.",
    **dict.fromkeys(("0", "0,00", "1000000"), "Enter a price from $0.01 to $999,999.99."),
}


async def test_a_ticket_is_listed_with_title_and_price_alone(stage: Stage) -> None:
    page = await stage.open("/sell", stage.seller)
    await page.get_by_label("Title").fill("Hamlet")
    await page.get_by_label("Price in US dollars").fill("$ 19,90")
    await page.get_by_role("button", name="Put it on sale").click()
    await page.wait_for_url("**/selling")
    row = page.locator(".row-item", has_text="Hamlet")
    await expect(row).to_contain_text("$19.90")
    await expect(row.get_by_text("Your ticket is on sale.")).to_be_visible()
    await expect(page.get_by_role("status").filter(has_text="Your ticket is on sale.")).to_have_count(1)
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
    await _error(page, "price", _DIGITS)
    await page.get_by_label("Price in US dollars").fill("20")
    await page.get_by_role("button", name="Put it on sale").click()
    await expect(page.locator("[data-error-for='startsAt']")).to_have_text("Must be in the future.")
    await expect(page.locator("[data-error-for='price']")).to_be_empty()
    await expect(page.get_by_label("Title")).to_have_value("Hamlet")


async def test_a_listing_whose_answer_is_lost_is_put_on_sale_once(stage: Stage) -> None:
    """The page tries again by itself. What is typed stays in this tab until the ticket is on sale."""
    page = await stage.open("/sell", stage.seller, errors="503 |409 ")
    lost: list[httpx.Response] = []

    async def lose(route: Route) -> None:
        sent, headers = route.request.post_data, await route.request.all_headers()
        kept = {name: headers[name] for name in ("content-type", "idempotency-key")}
        lost.append(await stage.seller.http.post("/api/tickets", content=sent, headers=kept))
        await route.fulfill(status=503)

    async def say_that_it_is_under_way(route: Route) -> None:
        await route.fulfill(status=409, json={"type": "urn:ticket-marketplace:problem:request-in-flight"})

    title = f"Hamlet {secrets.token_hex(4)}"
    await page.get_by_label("Title").fill(title)
    await page.get_by_label("Price in US dollars").fill("20")
    await page.goto("/")
    await page.go_back()
    await expect(page.get_by_label("Title")).to_have_value(title)
    await page.route("**/api/tickets", say_that_it_is_under_way, times=1)
    await page.route("**/api/tickets", lose, times=1)
    await page.get_by_role("button", name="Put it on sale").click()
    await expect(page.get_by_role("alert")).to_have_text("The shop does not answer yet. Trying again…")
    await expect(page.get_by_role("button", name="Putting it on sale…")).to_have_attribute("aria-disabled", "true")
    await expect(page.get_by_label("Title")).not_to_be_editable()
    await page.reload()  # in the middle of it: nobody knows now whether the ticket is on sale
    await expect(page.get_by_label("Title")).to_have_value(title)
    await page.get_by_role("button", name="Put it on sale").click()
    await page.wait_for_url("**/selling")
    await expect(page.locator(".row-item", has_text=title)).to_have_count(1)
    tickets = (await stage.seller.sees("/api/tickets"))["tickets"]
    assert [each["id"] for each in tickets if each["title"] == title] == [lost[0].json()["id"]]
    await page.goto("/sell")
    await expect(page.get_by_label("Title")).to_have_value("")


async def test_what_one_person_has_typed_is_not_shown_to_the_next_one(stage: Stage) -> None:
    page = await stage.open("/sell")
    await expect(page.get_by_text("You need an account to sell.")).to_be_visible()
    await page.get_by_label("Title").fill("Hamlet")
    await _sign_in(page, stage.seller)
    await expect(page.get_by_text("You need an account to sell.")).to_be_hidden()
    await page.get_by_label("Venue").fill("Arena")
    await page.reload()
    await expect(page.get_by_label("Title")).to_have_value("Hamlet")
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/")
    await _sign_in(page, stage.buyer)
    await page.goto("/sell")
    await expect(page.get_by_label("Title")).to_have_value("")


async def test_my_listings_follow_what_is_listed_elsewhere_and_what_is_sold(stage: Stage) -> None:
    _, ticket = await sale(stage), await stage.lists(price="80.10")
    page = await stage.open("/selling", stage.seller, seen("ticket", ticket))
    sums = page.locator(".sums dd")
    await expect(sums).to_have_text(["1 ticket", "$19.90"])
    for number in range(24):  # from another tab, or by REST: as many as the page shows
        newest = await stage.lists(f"Newer {number}")
    await expect(row_of(page, newest)).to_be_visible()
    await expect(row_of(page, ticket)).to_have_count(0)
    await stage.buyer.pays(await stage.buyer.orders(ticket))
    await expect(sums).to_have_text(["2 tickets", "$100.00"])


async def test_what_the_browser_cannot_send_is_said_in_plain_words(stage: Stage) -> None:
    page = await stage.open("/sell", stage.seller, errors="422 ", timezone_id="Europe/Rome")
    submit = page.get_by_role("button", name="Put it on sale")
    await submit.click()
    await _error(page, "title", "Enter a title.")
    await _error(page, "price", "Enter a price, such as 19.90.")
    await expect(page.get_by_label("Title")).to_be_focused()
    for price, text in _NO_PRICES.items():
        await page.get_by_label("Price in US dollars").fill(price)
        await submit.click()
        await _error(page, "price", text)
        await _error(page, "title", "Enter a title.")
    await page.get_by_label("Title").fill("x" * 201)
    await page.get_by_label("Price in US dollars").fill("20")
    await page.get_by_label("Seat").fill("7" * 51)
    await page.get_by_label("Date and time").focus()
    await page.keyboard.type("12")  # the month alone: the browser says that the field is empty
    await submit.click()
    await _error(page, "title", "Use at most 200 characters. You have used 201 characters.")
    await _error(page, "place.seat", "Use at most 50 characters. You have used 51 characters.")
    await _error(page, "startsAt", "Complete the date and the time, or remove both.")
    await page.get_by_label("Date and time").fill("20270-05-01T20:00")
    await submit.click()
    await _error(page, "startsAt", "Enter a year of four digits.")
    await expect(page.get_by_text("In your own time zone (Europe/Rome).")).to_be_visible()
    year = datetime.now(UTC).year + 1
    last_sunday = max(day for day in range(25, 32) if date(year, 3, day).weekday() == 6)
    await page.get_by_label("Date and time").fill(f"{year}-03-{last_sunday}T02:30")
    await submit.click()
    await _error(page, "startsAt", "The clocks are put forward then, so there is no such time. Enter another one.")
    await page.get_by_label("Date and time").fill("")
    await page.get_by_label("Seat").fill("")
    await page.get_by_label("Title").fill("\u200b\u200b")
    await submit.click()
    await _error(page, "title", "Must have at least one visible character.")
    await page.get_by_label("Title").fill("evil \u202eoverride")
    await submit.click()
    await expect(page.locator("[data-error-for='title']")).to_contain_text("Type the text yourself.")


async def _error(page: Page, field: str, text: str) -> None:
    await expect(page.locator(f"[data-error-for='{field}']")).to_have_text(text)


async def _sign_in(page: Page, person: Person) -> None:
    await page.get_by_role("banner").get_by_role("link", name="Sign in").click()
    await sign_in(page.get_by_role("dialog"), person)
    await header_says(page, signed_in=True)
