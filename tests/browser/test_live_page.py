"""The page /live in a browser: the platform as a picture, its events as they happen, and the history of one."""

import re
from functools import partial
from typing import Any

import pytest
from browser.accessibility import find_violations
from browser.visit import OpenVisit
from playwright.async_api import Page, expect
from system.people import Person

from devkit.testing.eventually import eventually

_WIDE = {"width": 1280, "height": 900}
_NARROW = {"width": 360, "height": 740}


async def _open(open_visit: OpenVisit, **options: Any) -> Page:
    page = await (await open_visit(**options)).open("/live")
    await expect(page.get_by_text("Live", exact=True).first).to_be_visible()
    return page


@pytest.mark.parametrize(
    ("viewport", "motion"), [(_WIDE, "no-preference"), (_NARROW, "reduce")], ids=["wide", "narrow and without motion"]
)
async def test_the_events_of_a_sale_appear_and_a_click_shows_what_happened_to_the_order(
    open_visit: OpenVisit, seller: Person, buyer: Person, motion: str, viewport: dict[str, int]
) -> None:
    page = await _open(open_visit, viewport=viewport, reduced_motion=motion)
    order = await buyer.orders(await seller.lists())
    await buyer.pays(order)
    log = page.get_by_role("region", name="Newest events")
    link = log.get_by_role("link", name=f"order.completed, version 2, of Concert, {order['id']}: what happened")
    await expect(link).to_be_visible()
    await expect(page.locator("[data-publishes='order.completed'] [data-value]").first).to_have_text(
        re.compile("[1-9]")
    )

    await link.click()
    steps = page.locator("#history-steps .step > strong")
    await expect(steps).to_have_text(["order.created", "payment.created", "order.completed"])
    times = page.locator("#history-steps time, [data-log] time")
    assert {len(text) for text in await times.all_inner_texts()} == {len("15:30:00.250")}, "one format everywhere"
    row = link.locator("xpath=ancestor::tr")
    await expect(row).to_contain_text("Concert")
    await expect(page.locator("#history-steps time").last).to_have_text(await row.locator("time").inner_text())
    await expect(page.locator("#history-steps")).to_contain_text("order Concert")
    if viewport == _WIDE:
        await expect(link).to_be_in_viewport()
    await expect(page.locator("#history-steps")).to_contain_text("because of payment.created")
    await expect(page).to_have_url(re.compile(f"/live\\?id={order['id']}$"))
    await page.get_by_role("link", name="its ticket").first.click()
    await expect(steps.first).to_have_text("ticket.created")
    await page.go_back()
    await expect(steps.first).to_have_text("order.created")
    await page.go_forward()
    await expect(steps.first).to_have_text("ticket.created")
    await page.get_by_label("Id of a ticket").fill(f"…{order['id'][-8:]}")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(f"/live\\?id={order['id']}$"))
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"
    assert await find_violations(page) == []
    close = page.get_by_role("button", name="Close")
    await expect(close).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(link).to_be_focused()
    await expect(close).to_be_hidden()
    await expect(steps).to_have_count(0)


async def test_dots_move_only_if_the_person_has_not_asked_for_less_motion(
    open_visit: OpenVisit, seller: Person
) -> None:
    moving = await _open(open_visit)
    still = await _open(open_visit, reduced_motion="reduce")
    for page in (moving, still):
        await page.evaluate(
            """() => {
                window.dots = 0; window.lit = 0;
                new MutationObserver((changes) => changes.forEach((each) => {
                    if (each.target.matches(".dots")) window.dots += each.addedNodes.length;
                    if (each.target.matches(".row.lit")) window.lit += 1;
                })).observe(document.querySelector("main"), {childList: true, subtree: true, attributes: true});
            }"""
        )
    await seller.lists()
    for page in (moving, still):
        await eventually(partial(page.evaluate, "window.lit"), until=lambda lit: lit > 1, what="coloured rows")
    assert await moving.evaluate("window.dots") > 0
    assert await still.evaluate("window.dots") == 0


async def test_events_set_out_one_after_another_and_the_number_of_dots_is_bounded(open_visit: OpenVisit) -> None:
    page = await _open(open_visit)
    first, most = await page.evaluate(
        """async () => {
            const source = document.querySelector("script[src*='live-page']").src.replace("page.js", "picture.js");
            const { showEvents } = await import(source);
            showEvents({"order.created": 1, "ticket.updated": 1, "payment.created": 1});
            const first = document.querySelectorAll(".dots > *").length;
            let most = 0;
            for (const end = performance.now() + 3000; performance.now() < end;) {
                showEvents({"order.created": 30, "order.cancelled": 20, "ticket.updated": 50, "payment.created": 9});
                await new Promise(requestAnimationFrame);
                most = Math.max(most, document.querySelectorAll(".dots > *").length);
            }
            return [first, most];
        }"""
    )
    assert first == 1
    assert 10 < most <= 70


async def test_pause_stops_all_that_moves_and_the_list_goes_on_afterwards(
    open_visit: OpenVisit, seller: Person
) -> None:
    page = await _open(open_visit)
    await page.get_by_role("button", name="Pause").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Paused")).to_be_visible()
    ticket = await seller.lists()
    await expect(page.get_by_text(re.compile(r"\d+ new, shown after the pause"))).to_be_visible()
    link = page.get_by_role("link", name=re.compile(f"ticket.created.*{ticket['id']}"))
    await expect(link).to_have_count(0)
    assert await page.locator(".dots > *").count() == 0
    await page.get_by_role("button", name="Go on").click()
    await expect(link).to_be_visible()


async def test_the_page_shows_the_lag_of_every_consumer(open_visit: OpenVisit) -> None:
    page = await _open(open_visit)
    table = page.get_by_role("region", name="Consumers")
    row = table.get_by_role("row", name=re.compile("replicate-ticket"))
    await expect(row.get_by_role("cell", name="listening")).to_be_visible()
    await expect(page.locator("[data-figure='dead-letters']")).to_have_text(re.compile(r"^\d+$"))


@pytest.mark.parametrize("width", [1440, 320])
async def test_the_page_says_which_consumer_is_in_trouble_and_what_helps(open_visit: OpenVisit, width: int) -> None:
    visit = await open_visit(viewport={"width": width, "height": 900})
    await visit.context.route("**/live/platform", lambda route: route.fulfill(content_type="text/event-stream"))
    page = await visit.open("/live")
    late, silent = "tickets-hold-ticket-on-order-created", "payments-accept-payments-longer-on-order-extended"
    await _show(
        page, {late: {"inFlight": 12_345, "oldestSeconds": 36}, silent: {"state": "no subscriber"}}, {silent: 1}
    )

    picture = page.locator(".live-picture:visible")
    await expect(picture.locator("[data-service=payments] [data-box-state]")).to_have_text("no subscriber")
    await expect(picture.locator("[data-service=tickets] [data-box-state]")).to_have_text("oldest: 36 s")
    await expect(picture.locator("[data-service=orders] [data-box-state]")).to_be_empty()
    assert await page.evaluate(_COVERED_NAMES) == []
    await expect(page.locator("[data-tile='in-flight'].late")).to_contain_text("oldest: 36 s")
    await expect(page.get_by_text("marketplace dead-letters list")).to_be_visible()
    await page.get_by_role("link", name=silent).click()
    await expect(page.locator(f"[data-consumer-row='{silent}']")).to_contain_text("no subscriber, 1 dead letter")
    await expect(page.locator(f"[data-consumer-row='{silent}']")).to_be_in_viewport()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"
    if width > 1000:
        assert await page.evaluate(
            "(([box]) => box.scrollWidth <= box.clientWidth)(document.querySelectorAll('.live-scroll'))"
        )
    assert await find_violations(page) == []

    await _show(page, {}, None)
    await expect(page.get_by_text("NATS does not answer. The numbers come back")).to_be_visible()
    tiles = page.locator(".live-tiles [data-figure]")
    await expect(tiles).to_have_text(["unknown"] * 5)


async def _show(page: Page, consumers: dict[str, Any], dead_letters: dict[str, int] | None) -> None:
    """Show these numbers. The other consumers have nothing to do, or are unknown if the dead letters are, too."""
    await page.evaluate(
        """async ([changed, deadLetters]) => {
            const { showFigures } = await import(document.querySelector("script[src*='live-page']").src.replace("page.js", "figures.js"));
            const unknown = { state: "unknown", waiting: null, inFlight: null, delivered: null, oldestSeconds: null };
            const idle = { state: "listening", waiting: 0, inFlight: 0, delivered: 0, oldestSeconds: null };
            const names = [...document.querySelectorAll("[data-consumer-row]")].map((row) => row.dataset.consumerRow);
            const consumers = names.map((name) => [name, { ...(deadLetters ? idle : unknown), ...changed[name] }]);
            showFigures({ consumers: Object.fromEntries(consumers), deadLetters });
        }""",  # noqa: E501 - the address of the script
        [consumers, dead_letters],
    )


_COVERED_NAMES = """() => {
    const right = (element) => element.getBoundingClientRect().right;
    const left = (element) => element.getBoundingClientRect().left;
    return [...document.querySelectorAll(".live-picture")].filter((each) => each.getClientRects().length).flatMap(
        (picture) => [
            ...[...picture.querySelectorAll(".row")].map((row) => [row.querySelector(".row-name"), row.querySelector(".row-value")]),
            ...[...picture.querySelectorAll("[data-service]")].map((box) => [box.querySelector(".box-name"), box.querySelector(".box-state")]),
        ].filter(([name, value]) => value.textContent && right(name) > left(value)).map(([name]) => name.textContent));
}"""  # noqa: E501 - two selectors per line
