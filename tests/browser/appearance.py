"""Shows a page in light and in dark colours, and photographs it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal, Protocol

from playwright.async_api import Page, ViewportSize

Scheme = Literal["light", "dark"]

_SCHEMES: tuple[Scheme, ...] = ("light", "dark")
_SIZES: dict[str, ViewportSize] = {
    "wide": {"width": 1280, "height": 800},
    "narrow": {"width": 360, "height": 740},
}


class Photograph(Protocol):
    async def __call__(self, page: Page, name: str) -> list[Path]: ...


async def each_scheme(page: Page) -> AsyncIterator[Scheme]:
    """Show the page in each colour scheme, with reduced motion. At the end, show it as before."""
    was_dark, was_reduced = await page.evaluate(
        "[matchMedia('(prefers-color-scheme: dark)').matches, matchMedia('(prefers-reduced-motion)').matches]"
    )
    for scheme in _SCHEMES:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        yield scheme
    await page.emulate_media(
        color_scheme="dark" if was_dark else "light", reduced_motion="reduce" if was_reduced else "no-preference"
    )


async def photograph_into(folder: Path, page: Page, name: str) -> list[Path]:
    """Write what a person sees of the page without scrolling, into `<name>-<size>-<scheme>.png`."""
    before = page.viewport_size
    photographs = []
    for size, viewport in _SIZES.items():
        await page.set_viewport_size(viewport)
        async for scheme in each_scheme(page):
            photographs.append(folder / f"{name}-{size}-{scheme}.png")
            await page.screenshot(path=photographs[-1], animations="disabled")
    if before:
        await page.set_viewport_size(before)
    return photographs
