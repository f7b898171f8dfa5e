"""The countdown of an order, and what a screen reader says of it."""

from browser.rendered import open_order
from browser.stage import Stage
from playwright.async_api import expect

_TIME_IS_OVER = "The time to pay is over. The order is being closed."
_RECORD = """() => {
  window.said = [];
  const place = document.querySelector("[data-announcement]");
  const observer = new MutationObserver(() => window.said.push(place.textContent));
  observer.observe(place, { childList: true, characterData: true, subtree: true });
}"""


async def test_the_time_left_is_announced_politely_at_four_times_and_at_the_end(stage: Stage) -> None:
    """The clock of the page runs forward. The page of the order is rendered for 15 minutes, as an order has them."""
    page = await stage.open_rendered(open_order(seconds=900), with_clock=True)
    timer = page.get_by_role("timer")
    await page.clock.run_for(1_000)
    await expect(timer).to_contain_text("14:5")
    await expect(page.get_by_role("button", name="15 more minutes (3 times left)")).to_be_visible()
    await expect(page.locator("[data-announcement]")).to_have_attribute("aria-live", "polite")
    assert await timer.get_attribute("aria-live") is None, "a timer that says each second is of no use"
    await page.evaluate(_RECORD)
    for minute in range(14):
        await page.clock.run_for(60_000)
        assert len(await page.evaluate("said")) == {10: 1, 11: 1, 12: 1, 13: 2}.get(minute + 1, 0 if minute < 9 else 3)
    await page.clock.run_for(58_000)
    await expect(timer).to_have_attribute("data-urgent", "yes")
    await page.get_by_role("button", name="Give it up").focus()
    await page.clock.run_for(5_000)
    await expect(timer).to_be_hidden()
    await expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
    await expect(page.locator("#order")).to_be_focused()
    await expect(page.locator("#order p").filter(visible=True).first).to_have_text(_TIME_IS_OVER)
    assert await page.evaluate("said") == [
        "5 minutes left to pay.",
        "2 minutes left to pay.",
        "1 minute left to pay.",
        "30 seconds left to pay.",
        _TIME_IS_OVER,
    ]
