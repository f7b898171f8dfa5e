"""Header and columns in a narrow window, with large text, and in the dark."""

import pytest
from browser.layout import NARROW
from browser.stage import Stage, seen
from playwright.async_api import expect

_LARGE_TEXT = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("html { font-size: 200% }");
  document.adoptedStyleSheets = [sheet];
}"""
_TOUCH = """() => {
  const parts = [...document.querySelectorAll(".brand, #account > *, #nav a")];
  const boxes = parts.map(each => each.getBoundingClientRect());
  const touch = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  return boxes.some((box, index) => boxes.slice(index + 1).some(other => touch(box, other)));
}"""
_PLACEHOLDER = """() => {
  const { color, opacity } = getComputedStyle(document.getElementById("q"), "::placeholder");
  return { isSoftInk: color === getComputedStyle(document.querySelector(".bottom")).color, opacity };
}"""


@pytest.mark.parametrize("signed_in", [True, False])
async def test_the_header_takes_two_lines_of_a_narrow_window(stage: Stage, signed_in: bool) -> None:
    page = await stage.open("/", stage.buyer if signed_in else None, viewport=NARROW)
    height = await page.locator(".top").evaluate("header => header.offsetHeight")
    assert height <= 100
    assert not await page.evaluate(_TOUCH)


async def test_the_title_has_room_with_text_of_twice_the_size(stage: Stage) -> None:
    order = await stage.buyer.orders(await stage.lists())
    page = await stage.open(
        f"/orders/{order['id']}", stage.buyer, seen("order", order), viewport={"width": 1280, "height": 900}
    )
    logo = await page.locator(".brand svg").evaluate("logo => logo.clientWidth")
    await page.evaluate(_LARGE_TEXT)
    assert await page.locator(".about").evaluate("column => column.clientWidth") >= 16 * 32
    assert await page.locator(".brand svg").evaluate("logo => logo.clientWidth") == 2 * logo


async def test_a_placeholder_has_the_colour_of_other_soft_text_in_the_dark(stage: Stage) -> None:
    page = await stage.open("/", color_scheme="dark")
    assert await page.evaluate(_PLACEHOLDER) == {"isSoftInk": True, "opacity": "1"}


async def test_the_footer_names_the_zone_of_the_times(stage: Stage) -> None:
    page = await stage.open("/", timezone_id="America/New_York")
    zone = "Times are in your time zone (America/New York), except those of events."
    await expect(page.locator(".bottom")).to_contain_text(zone)
