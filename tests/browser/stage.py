"""Brings the shop into a state through the API, and opens the page that shows it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from browser.visit import OpenVisit
from fastapi.responses import HTMLResponse
from playwright.async_api import Page, Route
from system.people import Person


@dataclass(frozen=True)
class Stage:
    """A seller and a buyer, and a browser for a person who looks at the shop."""

    open_visit: OpenVisit
    seller: Person
    buyer: Person

    async def lists(self, title: str = "Swan Lake", price: str = "19.90", **more: Any) -> dict[str, Any]:
        return await self._post(self.seller, "/api/tickets", {"title": title, "price": price, **more})

    async def open(
        self, path: str = "/", person: Person | None = None, after: str = "", errors: str = "", **options: Any
    ) -> Page:
        """Open a page as this person, in a browser of its own.

        `after` is what the page must show already (`seen`). `errors` are expected, as in Visit.expect_error.
        """
        visit = await self.open_visit(person, **options)
        if errors:
            visit.expect_error(errors)
        page = await visit.context.new_page()
        await open_after(page, path, after)
        return page

    async def open_rendered(self, answer: HTMLResponse, path: str = "/", *, with_clock: bool = False) -> Page:
        """Open a page that the shop would answer in a state that a test reaches only with long work.

        `with_clock`: the time of the page passes only when the test says so (Playwright's `page.clock`).
        """
        visit = await self.open_visit()
        if answer.status_code >= 400:
            visit.expect_error(f"{answer.status_code} ")

        await visit.context.route(f"**{path}", answering(answer))
        if with_clock:
            now = datetime.now(UTC)
            await visit.context.clock.install(time=now)
            await visit.context.clock.pause_at(now)
        return await visit.open(path)

    async def _post(self, person: Person, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await person.http.post(path, json=body)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created


def answering(answer: HTMLResponse) -> Callable[[Route], Awaitable[None]]:
    """Return a handler for Playwright's `route`, which gives the browser this answer."""

    async def fulfil(route: Route) -> None:
        await route.fulfill(status=answer.status_code, headers=dict(answer.headers), body=bytes(answer.body))

    return fulfil


async def open_after(page: Page, path: str, after: str) -> None:
    """Open the path as a page that shows what has just happened, for example `ticket-65f0c0ffee00000000000020-2`."""
    if after:
        await page.context.add_cookies([{"name": "seen", "value": after, "domain": "127.0.0.1", "path": "/"}])
    await page.goto(path)


def seen(kind: str, document: dict[str, Any]) -> str:
    """Return what a browser remembers of a command's answer (storefront's `seen.py`)."""
    return f"{kind}-{document['id']}-{document.get('version', 1)}"
