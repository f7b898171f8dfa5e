"""Which faults of a layout are found."""

import pytest
from browser.layout import find_layout_faults
from browser.visit import OpenVisit

_MANY_WORDS = "<p style='height: 20px; width: 200px; overflow: hidden'>Letters with more space between need more space."


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ("<p>Nothing is wrong here.</p>", set()),
        ("<p style='width: 400px'>Wide", {"too wide"}),
        ("<p style='white-space: nowrap'>Thirty-two characters in one line", {"with more spacing, too wide"}),
        ("<div style='overflow: hidden; height: 9px'><p>Cut off", {"cut off: Cut off"}),
        (_MANY_WORDS, {"cut off"}),
        ("<style>@keyframes k { to { color: red } }</style><p style='animation: k 9s'>Moves", {"moves: k"}),
    ],
)
async def test_faults_of_a_layout_are_named(open_visit: OpenVisit, body: str, faults: set[str]) -> None:
    page = await (await open_visit()).open("/api/docs")
    before = page.viewport_size
    await page.set_content(f"<!doctype html><body>{body}")
    found = await find_layout_faults(page)
    assert bool(found) == bool(faults)
    assert all(any(fault in each for each in found) for fault in faults), found
    assert page.viewport_size == before
