"""The card form of Stripe, with a script in the place of Stripe's own: no test may request anything from Stripe."""

from typing import Any

from browser.rendered import card_form
from browser.shopper import is_paid_once, pay_button, sees_paid
from browser.stage import answering
from browser.visit import OpenVisit, Visit
from playwright.async_api import Page, Request, expect
from system.people import Person

_SCRIPT = "https://js.stripe.com/v3/"
_LIVE = "**/live/events*"
_STRIPE = """
window.Stripe = (key) => ({
    elements: (options) => ({
        create: () => ({
            mount: (place) => {
                const card = document.createElement("input");
                card.setAttribute("aria-label", "Card number");
                document.querySelector(place).append(card);
                window.asked = { key, ...options };
            },
        }),
        submit: async () => {
            const isComplete = document.querySelector("#card input").value !== "";
            return isComplete ? {} : { error: { message: "Your card number is incomplete." } };
        },
    }),
    createPaymentMethod: async ({ elements }) => ({ paymentMethod: { id: "pm_card_visa" } }),
});
"""


async def test_the_order_is_paid_with_what_stripe_makes_of_the_card(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    order, visit = await buyer.orders(await seller.lists(price=19.9)), await open_visit(buyer)
    await visit.replace_script(_SCRIPT, _STRIPE)
    sent: list[Request] = []
    visit.context.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    page = await _open(visit, order)
    card = page.get_by_label("Card number")
    await expect(card).to_be_visible()
    assert await page.evaluate("window.asked") == {
        "key": "pk_test_1",
        "mode": "payment",
        "amount": 1990,
        "currency": "usd",
        "paymentMethodCreation": "manual",
        "paymentMethodTypes": ["card"],
    }
    await expect(page.get_by_text("sandbox")).to_have_count(0)
    await pay_button(page).click()
    await expect(page.locator("#pay").get_by_role("alert")).to_have_text("Your card number is incomplete.")
    assert sent == []
    await card.fill("4242 4242 4242 4242")
    await visit.context.unroute(_LIVE)
    await pay_button(page).click()
    await sees_paid(page)
    assert [request.post_data_json for request in sent] == [{"orderId": order["id"], "token": "pm_card_visa"}]
    await is_paid_once(buyer, order["id"])


async def test_a_page_without_the_script_of_stripe_says_so(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    order, visit = await buyer.orders(await seller.lists()), await open_visit(buyer)
    await visit.replace_script(_SCRIPT, "")
    page = await _open(visit, order)
    alert = page.locator("#pay").get_by_role("alert")
    await expect(alert).to_have_text("The card form of Stripe could not be loaded. Reload the page to try again.")
    await pay_button(page).click()
    await expect(alert).to_be_focused()


async def _open(visit: Visit, order: dict[str, Any]) -> Page:
    """Open the page of this order as a shop with a key of Stripe would answer it. The shop of the tests has none."""
    visit.expect_error("503 ")
    await visit.context.route(_LIVE, lambda route: route.fulfill(status=503))  # or the page would load its real content
    await visit.context.route(f"**/orders/{order['id']}", answering(card_form(order["id"])), times=1)
    return await visit.open(f"/orders/{order['id']}")
