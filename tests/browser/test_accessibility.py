"""What axe finds."""

import pytest
from browser.accessibility import find_violations
from browser.visit import OpenVisit
from playwright.async_api import Route

_PAGE = "<!doctype html><html lang=en><title>A page</title><main><h1>A page</h1>{}</main>"


_TINY_LINKS = """
<style>a { display: block; width: 9px; height: 9px; overflow: hidden }</style>
<nav><a href=/a>a</a><a href=/b>b</a></nav>
"""
_PALE_IF_DARK = "<style>@media (prefers-color-scheme: dark) { p { color: #eee } }</style><p>Pale on white</p>"


@pytest.mark.parametrize(
    ("body", "violations"),
    [
        ("<p>Nothing is wrong here.</p>", []),
        ("<img src=data:,>", ["light: image-alt at img", "dark: image-alt at img"]),
        (_PALE_IF_DARK, ["dark: color-contrast at p"]),
        (
            _TINY_LINKS,
            [f'{scheme}: target-size at a[href="/{href}"]' for scheme in ("light", "dark") for href in "ab"],
        ),
    ],
)
async def test_violations_are_named_for_light_and_dark_colours(
    open_visit: OpenVisit, body: str, violations: list[str]
) -> None:
    page = await (await open_visit()).open("/api/docs")
    await page.set_content(_PAGE.format(body))
    found = await find_violations(page)
    assert [each.rpartition(": ")[0] for each in found] == violations
    assert all(each.rpartition(": ")[2] for each in found), "each says what axe wants"


async def test_axe_also_runs_on_a_page_that_allows_no_inline_code(open_visit: OpenVisit) -> None:
    async def answer(route: Route) -> None:
        policy = {"Content-Security-Policy": "default-src 'self'", "Content-Type": "text/html"}
        await route.fulfill(body=_PAGE.format("<button></button>"), headers=policy)

    visit = await open_visit()
    await visit.context.route("**/strict", answer)
    found = await find_violations(await visit.open("/strict"))
    assert [each.split(" at ")[0] for each in found] == ["light: button-name", "dark: button-name"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
async def test_a_page_looks_as_before_after_the_check(open_visit: OpenVisit, scheme: str, motion: str) -> None:
    page = await (await open_visit(color_scheme=scheme, reduced_motion=motion)).open("/api/docs")
    await find_violations(page)
    for feature in (f"(prefers-color-scheme: {scheme})", f"(prefers-reduced-motion: {motion})"):
        assert await page.evaluate("feature => matchMedia(feature).matches", feature)
