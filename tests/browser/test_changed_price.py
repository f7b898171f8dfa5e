"""The seller changes the price, or withdraws the ticket, while somebody looks at it."""

from typing import Any

from browser.shopper import buy_button, open_ticket, order_id_of
from browser.signing_in import sign_in
from browser.visit import OpenVisit
from playwright.async_api import Request, expect
from system.people import Person

from devkit.testing.eventually import eventually

_CLICK_AT_CHANGE = """() => document.addEventListener("shop:ticket", ({ detail: { price, state } }) => {
  if (price === "$20.50" && state === "on-sale") document.querySelector("[data-buy]").click();
})"""


async def test_the_button_shows_the_new_price_by_itself_and_orders_for_it(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    ticket = await seller.lists()
    page = await open_ticket(await open_visit(buyer), ticket)
    await _change_price(seller, ticket, "20.50")
    await expect(buy_button(page)).to_have_text("Buy for $20.50")
    await expect(page.locator(".price.big")).to_have_text("$20.50")
    await expect(page.get_by_text("The seller has changed the price. It was $19.99.")).to_be_visible()
    await _follows(buyer, ticket, "20.50")
    async with page.expect_request(_is_order) as ordered:
        await buy_button(page).click()
    sent = (await ordered.value).post_data_json or {}
    assert sent["expectedPrice"] == 20.5
    order = await buyer.sees(f"/api/orders/{await order_id_of(page)}")
    assert order["ticket"]["price"] == 20.5


async def test_a_click_at_the_moment_at_which_the_price_changes_orders_nothing(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    ticket = await seller.lists()
    page = await open_ticket(await open_visit(buyer), ticket)
    orders: list[Request] = []
    page.on("request", lambda request: orders.append(request) if _is_order(request) else None)
    await page.evaluate(_CLICK_AT_CHANGE)
    await _change_price(seller, ticket, "20.50")
    await expect(page.get_by_text("The seller has changed the price. It was $19.99.")).to_be_visible()
    await expect(buy_button(page)).to_be_disabled()
    await expect(buy_button(page)).to_be_enabled()
    await _follows(buyer, ticket, "20.50")
    assert orders == []
    await buy_button(page).click()
    await order_id_of(page)
    assert len(orders) == 1


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
    await expect(page.get_by_role("alert")).to_have_text("The price is now $20.50, not $19.99. Nothing was ordered.")
    await expect(buy_button(page)).to_have_text("Buy for $20.50")
    assert (await buyer.sees("/api/orders"))["orders"] == []
    await buy_button(page).click()
    order = await buyer.sees(f"/api/orders/{await order_id_of(page)}")
    assert order["ticket"]["price"] == 20.5


async def test_who_signs_in_while_the_price_changes_is_told_it_and_buys_nothing(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    ticket = await seller.lists()
    visit = await open_visit()
    visit.expect_error("409 ")
    page = await open_ticket(visit, ticket)
    await buy_button(page).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text(
        "to buy \u2068Concert\u2069 for $19.99. The ticket is then ordered at once, and"
    )
    await _change_price(seller, ticket, "20.50")
    await _follows(buyer, ticket, "20.50")
    await sign_in(dialog, buyer)
    await expect(page.get_by_role("alert")).to_have_text("The price is now $20.50, not $19.99. Nothing was ordered.")
    await expect(buy_button(page)).to_have_text("Buy for $20.50")
    assert (await buyer.sees("/api/orders"))["orders"] == []


async def test_who_clicks_before_the_page_knows_that_a_ticket_is_withdrawn_is_told_so(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    ticket = await seller.lists()
    visit = await open_visit(buyer)
    visit.expect_error("404 ")
    await visit.context.route("**/live/events*", lambda _: None)  # the page hears nothing
    page = await visit.open(f"/tickets/{ticket['id']}")
    assert (await seller.http.delete(f"/api/tickets/{ticket['id']}")).status_code == 204

    async def refused() -> int:
        return (await buyer.http.post("/api/orders", json={"ticketId": ticket["id"], "expectedPrice": 1})).status_code

    await eventually(refused, until=lambda status: status == 404, what="orders that knows of the withdrawal")
    await buy_button(page).click()
    alert = page.get_by_role("alert")
    await expect(alert).to_have_text("This ticket is not for sale any more. Nothing was ordered.")
    await expect(page.get_by_text("The seller has withdrawn this ticket.")).to_be_visible()
    await expect(buy_button(page)).to_be_hidden()


async def _change_price(seller: Person, ticket: dict[str, Any], price: str) -> None:
    changed = await seller.http.put(f"/api/tickets/{ticket['id']}", json={"title": ticket["title"], "price": price})
    assert changed.status_code == 200, changed.text


async def _follows(buyer: Person, ticket: dict[str, Any], price: str) -> None:
    """Wait until orders and the storefront know the price. An order for a wrong price says what orders know."""

    async def known() -> bool:
        refused = await buyer.http.post("/api/orders", json={"ticketId": ticket["id"], "expectedPrice": "0.01"})
        page = await buyer.http.get(f"/tickets/{ticket['id']}")
        return f"now ${price}," in refused.text and f'data-price="{price}"' in page.text

    await eventually(known, what="services that know the new price")


def _is_order(request: Request) -> bool:
    return request.method == "POST" and request.url.endswith("/api/orders")
