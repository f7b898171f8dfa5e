"""The seller changes what, when and where the event is while somebody looks at the ticket."""

import asyncio
from typing import Any

from browser.shopper import open_ticket
from browser.stage import Stage, seen
from browser.test_loading_again import open_list
from playwright.async_api import Page, expect

from devkit.testing.eventually import eventually

_FRONT: dict[str, Any] = {
    "title": "Front row",
    "venue": "Scala",
    "startsAt": "2099-05-01T20:00:00+02:00",
    "place": {"section": "Stalls", "row": "A", "seat": "1"},
}
_BACK: dict[str, Any] = {
    "title": "Back row <b>" + "x" * 60,
    "venue": "\u05de\u05d5\u05e4\u05e2",
    "startsAt": "2100-06-02T19:30:00-05:00",
    "place": {"row": "\u05d0 2"},
}
_SHOWN = {
    "title": _BACK["title"],
    "when": "Wed 2 Jun 2100, 19:30 UTC-5",
    "venue": _BACK["venue"],
    "place": "Row \u05d0 2",
}
_TOLD = "The seller has just changed this ticket."


async def test_every_open_page_shows_the_new_facts_by_itself_as_a_new_page_shows_them(stage: Stage) -> None:
    ticket = await stage.lists(**_FRONT)
    one = await open_ticket(await stage.open_visit(), ticket)
    browse = await stage.open(after=seen("ticket", ticket))
    selling = await stage.open("/selling", stage.seller, seen("ticket", ticket))
    await _put(stage, ticket, _BACK)
    for page in (one, browse, selling):
        await _shows(page, ticket, _SHOWN)
    await expect(selling.get_by_label("Title")).to_have_value(_SHOWN["title"])
    await expect(one).to_have_title(f"{_BACK['title']} · Ticket marketplace")
    await expect(one.locator("[data-note]")).to_have_text(_TOLD)
    live = [await _facts_of(page) for page in (one, browse)]
    for page in (one, browse):
        await page.reload()
    assert [await _facts_of(page) for page in (one, browse)] == live
    await expect(one.get_by_text(_TOLD)).to_be_hidden()

    await _put(stage, ticket, {"title": "Somewhere"})
    await _shows(one, ticket, {"title": "Somewhere"})
    await expect(one.locator(".facts")).to_be_hidden()


async def test_a_page_that_loads_again_shows_the_facts_that_have_changed_meanwhile(stage: Stage) -> None:
    ticket, reset = await stage.lists(title="Front row"), asyncio.Event()
    visit = await stage.open_visit()
    await eventually(lambda: _reads(stage, "Front row", ticket), what="a page with the ticket")
    page = await open_list(visit, reset)
    one = await visit.open(f"/tickets/{ticket['id']}")
    await _put(stage, ticket, _BACK)
    await eventually(lambda: _reads(stage, "2100, 19:30", ticket), what="a page with the new facts")
    reset.set()
    for each in (page, one):
        await _shows(each, ticket, _SHOWN)
    await expect(one).to_have_title(f"{_BACK['title']} · Ticket marketplace")


async def _put(stage: Stage, ticket: dict[str, Any], facts: dict[str, Any]) -> None:
    changed = await stage.seller.http.put(f"/api/tickets/{ticket['id']}", json={"price": "19.90", **facts})
    assert changed.status_code == 200, changed.text


async def _reads(stage: Stage, text: str, ticket: dict[str, Any]) -> bool:
    return text in (await stage.buyer.http.get(f"/tickets/{ticket['id']}")).text


async def _shows(page: Page, ticket: dict[str, Any], facts: dict[str, Any]) -> None:
    """Wait until the page shows these facts of the ticket, and no others."""
    card = page.locator(f"[data-ticket='{ticket['id']}']")
    for name in ("title", "when", "venue", "place"):
        place = card.locator(f"[data-{name}-text]")
        await expect(place).to_have_text(facts.get(name, ""))
        await expect(place).to_be_visible(visible=name in facts)


async def _facts_of(page: Page) -> list[str]:
    facts = page.locator("main .facts, main h1, main .details")
    html: list[str] = await facts.evaluate_all("all => all.map(each => each.outerHTML)")
    return html
