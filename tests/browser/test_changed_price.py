"""The seller changes the price while somebody looks at the ticket."""

from typing import Any

from browser.shopper import buy_button, open_ticket, order_id_of
from browser.visit import OpenVisit
from playwright.async_api import Request, expect
from system.people import Person

from devkit.testing.eventually import eventually


async def test_the_button_shows_the_new_price_by_itself_and_orders_for_it(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    ticket = await seller.lists()
    page = await open_ticket(await open_visit(buyer), ticket)
    await _change_price(seller, ticket, "20.50")
    await expect(buy_button(page)).to_have_text("Buy for $20.50")
    await expect(page.locator(".price.big")).to_have_text("$20.50")
    await _follows(buyer, ticket, "20.50")
    async with page.expect_request(_is_order) as ordered:
        await buy_button(page).click()
    sent = (await ordered.value).post_data_json or {}
    assert sent["expectedPrice"] == 20.5
    order = await buyer.sees(f"/api/orders/{await order_id_of(page)}")
    assert order["ticket"]["price"] == 20.5


async def test_who_clicks_before_the_page_knows_the_new_price_is_told_it_and_buys_nothing(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    ticket = await seller.lists()
    visit = await open_visit(buyer)
    visit.expect_error("409 ")
    await visit.context.route("**/live/events*", lambda _: None)  # the page hears nothing
    page = await visit.open(f"/tickets/{ticket['id']}")
    await _change_price(seller, ticket, "20.50")
    await _follows(buyer, ticket, "20.50")
    await buy_button(page).click()
    await expect(page.get_by_role("alert")).to_have_text("The price is now 20.50, not 19.99. Nothing was ordered.")
    await expect(buy_button(page)).to_have_text("Buy for $20.50")
    assert (await buyer.sees("/api/orders"))["orders"] == []
    await buy_button(page).click()
    order = await buyer.sees(f"/api/orders/{await order_id_of(page)}")
    assert order["ticket"]["price"] == 20.5


async def _change_price(seller: Person, ticket: dict[str, Any], price: str) -> None:
    changed = await seller.http.put(f"/api/tickets/{ticket['id']}", json={"title": ticket["title"], "price": price})
    assert changed.status_code == 200, changed.text


async def _follows(buyer: Person, ticket: dict[str, Any], price: str) -> None:
    """Wait until orders and the storefront know the price. An order for a wrong price says what orders know."""

    async def known() -> bool:
        refused = await buyer.http.post("/api/orders", json={"ticketId": ticket["id"], "expectedPrice": "0.01"})
        page = await buyer.http.get(f"/tickets/{ticket['id']}")
        return f"now {price}," in refused.text and f'data-price="{price}"' in page.text

    await eventually(known, what="services that know the new price")


def _is_order(request: Request) -> bool:
    return request.method == "POST" and request.url.endswith("/api/orders")
