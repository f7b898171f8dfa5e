"""Open pages show within a second what happens in the shop.

Each delay is the median of several rounds: on a busy machine, a single round also measures other programs.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable
from statistics import median
from typing import Any

from browser.own_listings import row_of
from browser.shopper import is_live
from browser.stage import Stage, open_after, seen
from playwright.async_api import Locator, Page
from system.people import Person

_ROUNDS = 5
_SECONDS = 1
_FULL = 24
"""Listings on one page of "My listings"."""


class _Stopwatch:
    """Measures how long after the answer to a command an open page shows its effect, in seconds."""

    def __init__(self) -> None:
        self.delays: dict[str, list[float]] = defaultdict(list)

    async def measure(self, command: Awaitable[Any], shown: dict[str, Locator]) -> Any:
        """Send the command, and wait until all these elements are visible. Return the answer."""
        answer = await command
        began = time.monotonic()
        await asyncio.gather(*(self._measure(name, element, began) for name, element in shown.items()))
        return answer

    async def _measure(self, name: str, element: Locator, began: float) -> None:
        await element.wait_for()
        self.delays[name].append(time.monotonic() - began)

    def late(self) -> dict[str, list[float]]:
        return {name: delays for name, delays in self.delays.items() if median(delays) > _SECONDS}


async def test_whoever_looks_at_a_ticket_sees_within_a_second_what_others_do_with_it(stage: Stage) -> None:
    stopwatch = _Stopwatch()
    pages = {
        "in the list": await _blank(stage),
        "on its page": await _blank(stage),
        "in the list of its seller": await _blank(stage, stage.seller),
    }
    for _ in range(_ROUNDS):
        ticket = await stage.lists()
        paths = ("/", f"/tickets/{ticket['id']}", "/selling")
        for page, path in zip(pages.values(), paths, strict=True):
            await _open_live(page, path, after=ticket)
        held, on_sale, withdrawn = (_each_says(pages, ticket, text) for text in ("Held", "On sale", "Withdrawn"))
        del withdrawn["Withdrawn, in the list of its seller"]  # it may also have left this list
        order = await stopwatch.measure(stage.buyer.orders(ticket), held)
        await stopwatch.measure(stage.buyer.http.delete(f"/api/orders/{order['id']}"), on_sale)
        await stage.seller.sees_ticket_held_by(ticket, None)
        await stopwatch.measure(stage.seller.http.delete(f"/api/tickets/{ticket['id']}"), withdrawn)
    assert stopwatch.late() == {}


async def test_a_full_list_of_a_seller_shows_within_a_second_what_many_commands_have_done(stage: Stage) -> None:
    stopwatch = _Stopwatch()
    first = await stage.lists("Before")
    page = await _blank(stage, stage.seller)
    await _open_live(page, "/selling", after=first)
    for number in range(_ROUNDS):
        await asyncio.gather(*(stage.lists(f"Round {number}") for _ in range(_FULL)))
        last = f"Last of round {number}"
        await stopwatch.measure(stage.lists(last), {"listed": page.locator("[data-ticket]", has_text=last)})
    assert stopwatch.late() == {}


def _each_says(pages: dict[str, Page], ticket: dict[str, Any], text: str) -> dict[str, Locator]:
    return {f"{text}, {name}": row_of(page, ticket).get_by_text(text, exact=True) for name, page in pages.items()}


async def _blank(stage: Stage, person: Person | None = None) -> Page:
    visit = await stage.open_visit(person)
    visit.expect_error("404 ")  # of a ticket that is withdrawn
    return await visit.context.new_page()


async def _open_live(page: Page, path: str, *, after: dict[str, Any]) -> None:
    """Open the path as a page that shows this ticket, and wait until its connection for changes is open."""
    async with page.expect_response(is_live):
        await open_after(page, path, seen("ticket", after))
