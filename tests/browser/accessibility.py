"""Checks a page with axe."""

from axe_playwright_python.async_playwright import Axe
from browser.appearance import each_scheme
from playwright.async_api import Page

_WCAG_2_2_AA = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")


async def find_violations(page: Page) -> list[str]:
    """Return what violates WCAG 2.2 AA in the present state of the page, in light and in dark colours."""
    found = []
    async for scheme in each_scheme(page):
        results = await Axe().run(page, options={"runOnly": _WCAG_2_2_AA, "resultTypes": ["violations"]})
        found += [
            f"{scheme}: {rule['id']} at {' '.join(map(str, node['target']))}: {rule['help']}"
            for rule in results.response["violations"]
            for node in rule["nodes"]
        ]
    return found
