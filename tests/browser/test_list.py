"""The list of tickets: search, order, pages, and what changes while somebody looks at it."""

import re

from browser.stage import Stage, seen
from browser.states import full_list
from playwright.async_api import Page, expect

_IDS = "cards => cards.map(card => card.dataset.ticket)"


async def test_the_pages_show_every_ticket_once_although_new_ones_are_listed_meanwhile(stage: Stage) -> None:
    word = await full_list(stage)
    page = await stage.open(f"/?q={word}")
    first = await page.locator(".tickets > li").evaluate_all(_IDS)
    await stage.lists(f"Listed meanwhile {word}")
    await page.get_by_role("link", name="Next page").click()
    await page.wait_for_url("**after=*")
    second = await page.locator(".tickets > li").evaluate_all(_IDS)
    assert (len(first), len(second), len({*first, *second})) == (24, 2, 26)
    await expect(page.get_by_role("link", name="Next page")).to_have_count(0)
    await page.get_by_role("link", name="First page").click()
    await page.wait_for_url(f"**/?q={word}")


async def test_a_notice_counts_new_tickets_and_shows_them_when_asked(stage: Stage) -> None:
    page = await stage.open(after=seen("ticket", await stage.lists()))
    search = await stage.open("/?q=hamlet")
    place = await page.locator(".tickets > li").first.bounding_box()
    before = await page.locator(".tickets > li").evaluate_all(_IDS)
    notice = page.locator("#new-tickets")
    await stage.lists("Hamlet")
    await expect(notice).to_contain_text("There is 1 new ticket.")
    ticket = await stage.lists("Hamlet")
    await expect(notice).to_contain_text("There are 2 new tickets.")
    assert await page.locator(".tickets > li").evaluate_all(_IDS) == before, "the list does not move meanwhile"
    assert await page.locator(".tickets > li").first.bounding_box() == place
    await notice.get_by_role("link", name="Show").click()
    await expect(page.locator(".tickets > li").first).to_have_attribute("data-ticket", ticket["id"])
    await expect(notice).to_be_hidden()
    await expect(search.get_by_text("new ticket")).to_have_count(0)


async def test_a_notice_does_not_count_a_new_ticket_that_is_withdrawn_again(stage: Stage) -> None:
    page = await stage.open()
    ticket = await stage.lists()
    await expect(page.locator("#new-tickets")).to_contain_text("There is 1 new ticket.")
    await stage.seller.http.delete(f"/api/tickets/{ticket['id']}")
    await expect(page.locator("#new-tickets")).to_be_hidden()


async def test_a_notice_is_announced_and_says_nothing_of_a_changed_ticket(stage: Stage) -> None:
    ticket = await stage.lists()
    page = await stage.open(after=seen("ticket", ticket))
    await stage.buyer.orders(ticket)
    card = page.locator(f"[data-ticket='{ticket['id']}']")
    await expect(card).to_contain_text("Held")
    await expect(page.locator("#new-tickets")).to_be_hidden()
    await expect(page.locator("[aria-live] #new-tickets, #new-tickets[role=status]")).to_have_count(1)


async def test_a_search_runs_when_a_person_presses_enter_and_not_before(stage: Stage) -> None:
    ticket = await stage.lists("Chess World Cup", venue="Town Hall")
    page = await stage.open(after=seen("ticket", ticket))
    order = page.get_by_label("Sort by")
    place = await page.locator(".tickets").bounding_box()
    await order.focus()
    for _ in range(2):
        await page.keyboard.press("ArrowDown")
    await expect(order).to_have_value("cheapest")
    await expect(page.get_by_text("Press “Search” to see this list.")).to_be_visible()
    assert await page.locator(".tickets").bounding_box() == place, "the list does not move"
    await expect(order).to_be_focused()
    await page.get_by_label("Search").fill("chess town")
    await page.get_by_label("Search").press("Enter")
    await page.wait_for_url(re.compile(r"q=chess\+town&sort=cheapest"))
    assert set(await page.locator(".ticket-title").all_inner_texts()) == {"Chess World Cup"}
    await expect(page.get_by_label("Sort by")).to_have_value("cheapest")


async def test_no_animation_runs_for_a_person_who_wants_no_motion(stage: Stage) -> None:
    ticket = await stage.lists()
    for motion, runs in {"no-preference": True, "reduce": False}.items():
        page = await stage.open(after=seen("ticket", ticket), reduced_motion=motion)
        await page.evaluate("window.began = []; addEventListener('animationstart', (event) => began.push(event))")
        order = await stage.buyer.orders(ticket)
        await _is(page, ticket["id"], "Held")
        await stage.buyer.http.delete(f"/api/orders/{order['id']}")
        await _is(page, ticket["id"], "On sale")
        assert bool(await page.evaluate("began.length")) is runs


async def _is(page: Page, ticket_id: str, state: str) -> None:
    card = page.locator(f"[data-ticket='{ticket_id}']")
    await expect(card).to_contain_text(state)
    await page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
