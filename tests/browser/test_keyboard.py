"""A person who uses the keyboard alone."""

import pytest
from browser.stage import Stage, seen
from browser.states import STATES, sale
from playwright.async_api import Page, expect

_OUTLINE = """() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
}"""
_NAME = """() => {
  const element = document.activeElement;
  const text = element.labels?.[0]?.innerText || element.innerText || element.id || element.localName;
  return element === document.body ? "" : text.trim();
}"""
_SMALL = """() => [...document.querySelectorAll("button, input, select, summary, nav a, .button, main li a")]
  .filter(each => each.checkVisibility())
  .filter(each => { const box = each.getBoundingClientRect(); return box.width < 24 || box.height < 24 })
  .filter(each => !(each.type === "checkbox" && each.closest("label").getBoundingClientRect().height >= 24))
  .map(each => each.outerHTML.slice(0, 90))"""


async def _press_until(page: Page, name: str) -> None:
    """Press Tab until the focus is at what has this name. Each stop on the way shows that it has the focus."""
    stops = []
    for _ in range(60):
        await page.keyboard.press("Tab")
        stops.append(await page.evaluate(_NAME))
        if stops[-1]:  # after the last element, the focus is in the browser itself
            assert await page.evaluate(_OUTLINE) >= 2, f"the focus is not visible at {stops[-1]!r}"
        if stops[-1].startswith(name):
            return
    pytest.fail(f"Tab does not lead to {name!r}, but to {stops}")


async def _type_into(page: Page, label: str, text: str) -> None:
    await _press_until(page, label)
    await page.keyboard.insert_text(text)


async def test_a_ticket_is_found_bought_and_paid_with_the_keyboard_alone(stage: Stage) -> None:
    ticket = await stage.lists()
    address = f"{ticket['id']}@example.com"
    page = await stage.open(after=seen("ticket", ticket))
    await _type_into(page, "Search", "swan")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/?q=swan*")
    await _press_until(page, "Swan Lake")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/tickets/{ticket['id']}")
    await _press_until(page, "Buy for $19.90")
    await page.keyboard.press("Enter")
    await _press_until(page, "Create an account")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Create an account")
    await expect(dialog.get_by_label("E-mail address")).to_be_focused()
    await page.keyboard.insert_text(address)
    await _type_into(page, "Password", "correct horse")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/orders/*")
    await _press_until(page, "Pay $19.90")
    await page.keyboard.press("Space")
    await expect(page.get_by_text("You have paid. The ticket is yours.")).to_be_visible()
    await expect(page.locator("#order")).to_be_focused()


async def test_a_ticket_is_listed_and_changed_with_the_keyboard_alone(stage: Stage) -> None:
    page = await stage.open("/", stage.seller)
    await _press_until(page, "Sell")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/sell")
    await _type_into(page, "Title", "Hamlet")
    await _type_into(page, "Price", "31")
    await _press_until(page, "Put it on sale")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/selling")
    await _press_until(page, "Change")
    await page.keyboard.press("Enter")
    await _press_until(page, "Price")
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.insert_text("29,50")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("$29.50")).to_be_visible()


@pytest.mark.parametrize(("opener", "title"), [("Sign in", "Sign in"), ("Sign up", "Create an account")])
async def test_escape_closes_a_dialog_and_the_focus_returns(stage: Stage, opener: str, title: str) -> None:
    page = await stage.open()
    await _press_until(page, opener)
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name=title)
    await expect(dialog.get_by_label("E-mail address")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_role("banner").get_by_role("link", name=opener)).to_be_focused()


async def test_an_error_moves_the_focus_to_its_field(stage: Stage) -> None:
    page = await stage.open("/sell", stage.seller, errors="422 ")
    await page.get_by_label("Title").fill("Hamlet")
    await page.get_by_role("button", name="Put it on sale").press("Enter")
    price = page.get_by_label("Price in US dollars")
    await expect(price).to_be_focused()
    await expect(price).to_have_attribute("aria-invalid", "true")
    assert await price.evaluate(
        "(each) => each.ariaDescribedByElements.some((text) => text.matches('.error:not(:empty)'))"
    )


async def test_the_focus_stays_where_it_is_when_the_page_changes(stage: Stage) -> None:
    first, second = await stage.lists("First"), await stage.lists("Second")
    page = await stage.open("/selling", stage.seller, seen("ticket", second))
    form = page.locator(f"[data-ticket='{first['id']}']")
    await form.get_by_text("Change", exact=True).press("Enter")
    await stage.buyer.orders(second)
    await expect(page.locator(f"[data-ticket='{second['id']}'] form [type=submit]")).to_be_disabled()
    await expect(form.get_by_label("Title")).to_be_focused()


async def test_the_first_link_skips_to_the_content(stage: Stage) -> None:
    page = await stage.open()
    await page.keyboard.press("Tab")
    link = page.get_by_role("link", name="Skip to the content")
    await expect(link).to_be_focused()
    await expect(link).to_be_in_viewport(ratio=1)
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Search")).to_be_focused()


@pytest.mark.parametrize("state", ["list last page", "sign in dialog", "order open", "selling full with an open form"])
async def test_what_a_person_points_at_is_at_least_24_pixels_wide_and_high(stage: Stage, state: str) -> None:
    page = await STATES[state](stage)
    assert await page.evaluate(_SMALL) == []


async def test_the_focus_is_visible_on_every_row_of_orders(stage: Stage) -> None:
    await sale(stage)
    page = await stage.open("/orders", stage.buyer)
    await _press_until(page, "Swan Lake")
    clipped = "each => parseFloat(getComputedStyle(each).outlineOffset) >= 0 && !!each.closest('.row-item')"
    assert not await page.locator(":focus").evaluate(clipped), "the row cuts an outline outside of the link off"
