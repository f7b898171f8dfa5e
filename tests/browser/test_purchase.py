"""A purchase from the list of tickets to the paid order, with each card of the sandbox."""

import re

import pytest
from browser.shopper import buy, is_paid_once, open_order, pay, pay_button, sees_paid
from browser.visit import OpenVisit
from playwright.async_api import Request, expect
from system.people import Person

from devkit.testing.eventually import eventually

_DECLINED = {
    "Declined without a reason": "Your card was declined.",
    "Not enough money on it": "Your card has insufficient funds.",
    "Expired": "Your card has expired.",
    "Wrong security code": "Your card's security code is incorrect.",
    "An error at the bank": "An error occurred while processing your card. Try again in a little bit.",
    "Too many attempts": (
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."
    ),
    "Needs a confirmation by the bank": "Your card was declined. This transaction requires authentication.",
}
_UNDER_WAY = "Your payment is still under way. If your card is charged, you get the money back at once."


async def test_a_ticket_is_found_bought_and_paid_without_a_reload(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    await seller.lists("A whole purchase", price=1234.5)
    visit = await open_visit(buyer)
    page = await visit.open("/")
    await page.get_by_role("searchbox").fill("a whole purchase")
    await page.get_by_role("button", name="Search").click()
    await page.get_by_role("link", name="A whole purchase").first.click()
    await expect(page.get_by_role("button", name="Buy for $1,234.50")).to_be_visible()
    order_id = await buy(page)
    await expect(page.get_by_role("timer")).to_contain_text("0:5")
    await page.evaluate("window.isSamePage = true")
    await expect(pay_button(page)).to_contain_text("Pay $1,234.50")
    await pay(page)
    await sees_paid(page)
    await expect(page.get_by_role("timer")).to_be_hidden()
    await expect(pay_button(page)).to_be_hidden()
    events = [await each.get_attribute("data-event") for each in await page.locator(".step").all()]
    assert events == ["order.created", "payment.created", "order.completed"]
    assert await page.evaluate("window.isSamePage")
    await is_paid_once(buyer, order_id)
    await page.get_by_role("link", name="My orders").click()
    await expect(page.get_by_role("listitem").filter(has_text="A whole purchase")).to_contain_text("Paid")


async def test_each_declined_card_of_the_form_is_tested(open_visit: OpenVisit, seller: Person, buyer: Person) -> None:
    page = await open_order(await open_visit(buyer), await buyer.orders(await seller.lists()))
    assert await page.locator("optgroup[label=Declined] option").all_inner_texts() == list(_DECLINED)


@pytest.mark.parametrize("card", _DECLINED)
async def test_a_declined_card_is_explained_beside_its_field_and_another_card_pays(
    open_visit: OpenVisit, seller: Person, buyer: Person, card: str
) -> None:
    visit = await open_visit(buyer)
    visit.expect_error("402 ")
    order = await buyer.orders(await seller.lists())
    page = await open_order(visit, order)
    await pay(page, card)
    field = page.get_by_label("Test card")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_accessible_description(_field_description(_DECLINED[card]))
    await expect(page.locator("#pay").get_by_role("alert")).to_be_hidden()
    await expect(page.get_by_text("The ticket is yours if you pay in time.")).to_be_visible()
    await pay(page)
    await sees_paid(page)
    await is_paid_once(buyer, order["id"])


async def test_a_slow_card_is_charged_once_however_often_a_person_clicks(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    order = await buyer.orders(await seller.lists())
    page = await open_order(await open_visit(buyer), order)
    await pay(page, "Accepted after a few seconds")
    await expect(pay_button(page)).to_have_attribute("aria-disabled", "true")
    await expect(page.get_by_text("Paying…")).to_be_visible()
    await pay_button(page).dispatch_event("click")
    await pay_button(page).dispatch_event("click")
    await sees_paid(page)
    await is_paid_once(buyer, order["id"])


async def test_an_order_that_is_cancelled_during_its_payment_says_what_becomes_of_the_money(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    visit = await open_visit(buyer)
    visit.expect_error("409 ")
    order = await buyer.orders(await seller.lists())
    page = await open_order(visit, order)
    under_way = page.get_by_text(_UNDER_WAY)
    await page.get_by_role("button", name="Give it up").click()
    await pay(page, "Accepted after a few seconds")
    await expect(page.get_by_text("Paying…")).to_be_visible()
    await expect(page.get_by_role("button", name=re.compile("give it up", re.IGNORECASE))).to_have_count(0)
    await eventually(
        lambda: buyer.sees(f"/api/payments?orderId={order['id']}"),
        until=lambda seen: [each["status"] for each in seen["payments"]] == ["pending"],
        what="a payment that is under way",
    )
    await buyer.http.delete(f"/api/orders/{order['id']}")  # in another browser
    await expect(under_way).to_be_visible()
    await page.reload()
    await expect(under_way).to_be_visible()
    await expect(page.locator("#order")).to_contain_text("Your payment of $19.99 was refunded.", timeout=20_000)
    await expect(under_way).to_be_hidden()
    assert await page.locator(".step-sentence").all_inner_texts() == [
        "You ordered the ticket.",
        "You gave the order up.",
        "Your card was charged, but the order had ended already.",
        "Your payment of $19.99 was refunded.",
    ]


async def test_after_a_lost_answer_the_page_says_what_it_knows_and_the_card_is_charged_once(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    visit = await open_visit(buyer)
    visit.expect_error("503 ")
    order = await buyer.orders(await seller.lists())
    page = await open_order(visit, order)
    keys: list[str | None] = []
    page.on("request", lambda sent: keys.append(sent.headers.get("idempotency-key")) if _is_payment(sent) else None)
    await pay(page, "Charged, but the first answer is lost")
    doubt = page.get_by_text("We do not know yet whether your card was charged. Trying again…")
    await expect(doubt).to_be_visible()
    await sees_paid(page)
    await expect(doubt).to_be_hidden()
    assert len(keys) > 1
    assert len(set(keys)) == 1
    assert None not in keys
    await is_paid_once(buyer, order["id"])


def _is_payment(request: Request) -> bool:
    return request.method == "POST" and request.url.endswith("/api/payments")


def _field_description(error: str) -> str:
    hint = "This shop uses a sandbox: no money moves. Choose what happens to the card."
    return f"{hint} {error} You were not charged. The ticket is still held for you; try another card."
