"""The pictures of a page."""

from itertools import pairwise
from pathlib import Path

from browser.appearance import photograph_into
from browser.visit import OpenVisit


async def test_a_page_is_photographed_wide_and_narrow_in_light_and_dark_colours(
    open_visit: OpenVisit, tmp_path: Path
) -> None:
    page = await (await open_visit()).open("/api/docs")
    before = page.viewport_size
    style = "@media (prefers-color-scheme: dark) { body { background: #000 } }"
    await page.set_content(f"<style>{style}</style><p style='height: 3000px'>A long page")
    files = await photograph_into(tmp_path / "new", page, "page")
    assert [file.name for file in files] == [
        "page-wide-light.png",
        "page-wide-dark.png",
        "page-narrow-light.png",
        "page-narrow-dark.png",
    ]
    assert [_size(file) for file in files] == [(1280, 800), (1280, 800), (360, 740), (360, 740)]
    assert all(one.read_bytes() != next_one.read_bytes() for one, next_one in pairwise(files))
    assert page.viewport_size == before


def _size(png: Path) -> tuple[int, int]:
    header = png.read_bytes()[16:24]
    return int.from_bytes(header[:4]), int.from_bytes(header[4:])
