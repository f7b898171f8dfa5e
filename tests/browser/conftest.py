"""One platform and one browser for all tests of a process, and a browser context for each person in a test."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from browser.appearance import Photograph, photograph_into
from browser.chromium import SWITCHES, BrowserMissing, browser_of_this_machine
from browser.stage import Stage
from browser.visit import OpenVisit, Visit, visiting
from playwright.async_api import Browser, async_playwright
from system.people import Person

from common.storage.mongo import MongoDriver
from devkit.servers import free_port
from marketplace.platform import Platform
from marketplace.settings import PlatformSettings


def pytest_sessionstart() -> None:
    """Before anything starts, say in one line that the browser is missing."""
    try:
        browser_of_this_machine()
    except BrowserMissing as missing:
        raise pytest.UsageError(str(missing)) from None


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Start the browser without its sandbox, which is Playwright's default.

    The sandbox cannot start as root and in many containers, and the browser opens only pages of our own.
    """
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(executable_path=browser_of_this_machine(), args=SWITCHES) as browser,
    ):
        yield browser


@pytest.fixture(scope="session")
async def platform(driver: MongoDriver, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    settings = PlatformSettings(
        gateway_port=free_port(in_a_row=40),
        data_dir=tmp_path_factory.mktemp("platform"),
        mongo_driver=driver,
        order_window_seconds=60,
        log_format="json",
    )
    async with Platform(settings) as platform:
        yield platform


@pytest.fixture
async def people() -> AsyncIterator[AsyncExitStack]:
    """Those who take part in a test. They leave only after the last browser context is closed (`open_visit`)."""
    async with AsyncExitStack() as people:
        yield people


@pytest.fixture
async def open_visit(browser: Browser, platform: Platform, people: AsyncExitStack) -> AsyncIterator[OpenVisit]:
    """`await open_visit()` opens a fresh browser context, `await open_visit(buyer)` one where the buyer is signed in.

    At the end of the test, each context is checked (`visiting`).
    """
    async with AsyncExitStack() as visits:

        async def enter(person: Person | None = None, **options: Any) -> Visit:
            return await visits.enter_async_context(visiting(browser, platform.url, person, **options))

        yield enter


@pytest.fixture
async def seller(platform: Platform, people: AsyncExitStack) -> Person:
    return await people.enter_async_context(Person.signed_up(platform.url))


@pytest.fixture
async def buyer(platform: Platform, people: AsyncExitStack) -> Person:
    return await people.enter_async_context(Person.signed_up(platform.url))


@pytest.fixture
def stage(open_visit: OpenVisit, seller: Person, buyer: Person) -> Stage:
    return Stage(open_visit, seller, buyer)


@pytest.fixture
def photograph(tmp_path: Path) -> Photograph:
    """`await photograph(page, "shop")` writes the page into the folder that SCREENSHOTS names, or a temporary one."""
    return partial(photograph_into, Path(os.environ.get("SCREENSHOTS") or tmp_path))
