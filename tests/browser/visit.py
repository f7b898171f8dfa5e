"""What one person does in a browser, and what must not happen meanwhile."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from browser.other_hosts import OtherHosts
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, WebError
from system.people import Person

_ACTION_MILLISECONDS = 10_000  # less than the timeout of a test, so that the failure names the action

# The browser asks for the icon by itself, at any time, and of JSON, too.
_NO_FAULTS_OF_A_PAGE = (r"404 .*/favicon\.ico",)


class Visit:
    """A browser context: its pages share cookies and cache, and start with none. `visiting` checks it at its end."""

    def __init__(self, context: BrowserContext, url: str, others: OtherHosts) -> None:
        self.context = context
        self.url = url
        self._others = others
        self._expected = list(_NO_FAULTS_OF_A_PAGE)
        self._errors: list[str] = []
        context.set_default_timeout(_ACTION_MILLISECONDS)
        context.on("console", self._note_console)
        context.on("weberror", self._note_uncaught)

    async def open(self, path: str = "/") -> Page:
        """Open a page of the platform in a new tab."""
        page = await self.context.new_page()
        await page.goto(path)
        return page

    async def sign_in(self, person: Person) -> None:
        """Give this browser the session that the person has got from the API."""
        await self.context.add_cookies(
            [
                {"name": cookie.name, "value": cookie.value or "", "url": self.url, "httpOnly": True}
                for cookie in person.http.cookies.jar
            ]
        )

    def expect_error(self, pattern: str) -> None:
        """Allow errors that match this regular expression, for example the 401 that the test provokes."""
        self._expected.append(pattern)

    async def replace_script(self, url: str, text: str) -> None:
        """Allow requests for this script of another host. The browser gets this text, and the host gets no request."""
        self._others.allow(url)
        await self.context.route(url, lambda route: route.fulfill(body=text, content_type="text/javascript"))

    @property
    def unexpected_errors(self) -> list[str]:
        return [error for error in self._errors if not any(re.search(each, error) for each in self._expected)]

    async def has_errors(self) -> bool:
        return bool(self._errors)

    async def has_requested_other_hosts(self) -> bool:
        return bool(self._others.urls)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._errors.append(f"{message.text} ({message.location['url']})")

    def _note_uncaught(self, uncaught: WebError) -> None:
        self._errors.append(f"uncaught: {uncaught.error.name}: {uncaught.error.message}")


class OpenVisit(Protocol):
    async def __call__(self, person: Person | None = None, **options: Any) -> Visit: ...


@asynccontextmanager
async def visiting(browser: Browser, url: str, person: Person | None = None, **options: Any) -> AsyncIterator[Visit]:
    """Open a browser context for the platform at `url`, signed in as `person`.

    At its end, fail if one of its pages has requested something from another host, has written an error into the
    console, or has not caught an error. `options` are those of Playwright's `new_context`.
    """
    async with OtherHosts.refused(url) as others:
        context = await browser.new_context(base_url=url, proxy=others.proxy, **options)
        context.on("request", others.notice)
        visit = Visit(context, url, others)
        try:
            if person:
                await visit.sign_in(person)
            yield visit
        finally:
            await _end_routes(context)
            await context.close()
    assert others.urls == [], f"a page has requested other hosts: {others.urls}"
    assert visit.unexpected_errors == [], f"errors in the browser: {visit.unexpected_errors}"


async def _end_routes(context: BrowserContext) -> None:
    """End what the test has put between the pages and the platform, and ignore what its last answers raise."""
    routed: list[BrowserContext | Page] = [context, *context.pages]
    for each in routed:
        await each.unroute_all(behavior="ignoreErrors")
