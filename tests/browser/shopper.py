"""What a person does in the shop to buy a ticket, and what the shop shows."""

from typing import Any

from browser.visit import Visit
from playwright.async_api import Locator, Page, Response, expect
from system.people import Person

TAKEN = "Somebody else was faster. Nothing was ordered."
PAID = "You have paid. The ticket is yours."
NO_CONNECTION = "The connection is interrupted."
_LONGEST = 20_000


async def open_ticket(visit: Visit, ticket: dict[str, Any]) -> Page:
    """Open the page of a ticket that is new. It is live at once: its connection for changes is open."""
    return await _open(visit, "ticket", ticket, "/tickets")


async def open_order(visit: Visit, order: dict[str, Any]) -> Page:
    return await _open(visit, "order", order, "/orders")


async def _open(visit: Visit, kind: str, document: dict[str, Any], folder: str) -> Page:
    seen = f"{kind}-{document['id']}-{document['version']}"
    await visit.context.add_cookies([{"name": "seen", "value": seen, "url": visit.url}])
    page = await visit.context.new_page()
    async with page.expect_response(is_live):
        await page.goto(f"{folder}/{document['id']}")
    return page


def is_live(response: Response) -> bool:
    return "/live/events" in response.url


def buy_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Buy for")


async def buy(page: Page) -> str:
    """Click Buy. Return the id of the order when its page is shown."""
    await buy_button(page).click()
    return await order_id_of(page)


async def order_id_of(page: Page) -> str:
    await page.wait_for_url("**/orders/*")
    await expect(page.locator("#order")).to_be_visible(timeout=_LONGEST)
    return page.url.rpartition("/")[2]


async def pay(page: Page, card: str = "Accepted") -> None:
    await page.get_by_label("Test card").select_option(label=card)
    await pay_button(page).click()


def pay_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Pay $")


async def sees_paid(page: Page) -> None:
    await expect(page.get_by_text(PAID)).to_be_visible(timeout=_LONGEST)


async def is_paid_once(buyer: Person, order_id: str) -> None:
    """Ask the API: the order is completed, and of its payments, exactly one has charged a card."""
    assert (await buyer.sees(f"/api/orders/{order_id}"))["status"] == "completed"
    payments = (await buyer.sees(f"/api/payments?orderId={order_id}"))["payments"]
    assert [each["status"] for each in payments if each["status"] != "declined"] == ["captured"]


async def note_loads(page: Page) -> None:
    """From now on, `body` gets the attribute `data-loaded` when the page has loaded its content again."""
    await page.evaluate("document.addEventListener('shop:refreshed', () => { document.body.dataset.loaded = '' })")


async def watch(page: Page, place: str) -> None:
    """From now on, note each text that an element shows, and when. The page must not be left."""
    await page.evaluate(
        """place => {
            window.shown = [];
            const note = () => {
                const text = document.querySelector(place)?.innerText.replace(/\\s+/g, " ").trim() ?? "";
                if (window.shown.at(-1)?.text !== text)
                    window.shown.push({ text, at: performance.timeOrigin + performance.now() });
            };
            note();
            new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true });
        }""",
        place,
    )


async def shown(page: Page) -> list[str]:
    """Return all texts since `watch`, each one once in a row."""
    return [each["text"] for each in await page.evaluate("window.shown")]


async def shown_at(page: Page, *texts: str) -> float:
    """Wait until the element has shown these texts in this order. Return when the last one began, in ms since 1970."""
    noted = await page.wait_for_function(
        """texts => {
            let from = 0;
            for (const text of texts) {
                from = window.shown.findIndex((each, index) => index >= from && each.text.includes(text));
                if (from < 0) return null;
            }
            return window.shown[from];
        }""",
        arg=texts,
    )
    return float((await noted.json_value())["at"])
