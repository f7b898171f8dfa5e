"""What is wrong with a layout: it scrolls sideways, hides text, or moves although a person wants no motion."""

from playwright.async_api import Page, ViewportSize

NARROW: ViewportSize = {"width": 320, "height": 640}
ZOOMED: ViewportSize = {"width": 320, "height": 256}  # a window of 1280 by 1024 pixels at 400 %

_TEXT_SPACING = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    * { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }
    p { margin-bottom: 2em !important }`);
  document.adoptedStyleSheets = [sheet];
}"""
_SIDEWAYS = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const isWide = each => each.getBoundingClientRect().left + each.scrollWidth > width;
  const wide = [...document.body.querySelectorAll("*")].filter(isWide);
  return wide.length ? wide.map(each => each.outerHTML.slice(0, 90)) : ["the page"];
}"""
# Text that a person cannot see because a box cuts it off. Titles of more than three lines end with an ellipsis in a
# list, and are whole on their own page. The e-mail address in the header has a title.
_CUT = """() => {
  const cut = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text; (text = walker.nextNode()); ) {
    const around = text.parentElement;
    if (!text.data.trim() || !around.checkVisibility()) continue;
    if (around.closest(".visually-hidden, .ticket-title, .email, option")) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    const box = range.getBoundingClientRect();
    if (!box.width) continue;
    for (let each = around; each !== document.body; each = each.parentElement) {
      if (!["hidden", "clip"].includes(getComputedStyle(each).overflowX)) continue;
      const frame = each.getBoundingClientRect();
      const fits = box.left >= frame.left - 1 && box.right <= frame.right + 1;
      if (!fits || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) cut.push(text.data.trim().slice(0, 60));
    }
  }
  return cut;
}"""
_MOVES = "() => document.getAnimations().map(each => each.animationName ?? each.transitionProperty)"


async def find_layout_faults(page: Page) -> list[str]:
    """Return what does not fit into a narrow or zoomed window, also with the text spacing of WCAG 1.4.12."""
    before = page.viewport_size
    await page.emulate_media(reduced_motion="reduce")
    faults = [f"moves: {each}" for each in await page.evaluate(_MOVES)]
    for spacing in ("", " with more spacing"):
        for name, viewport in {"narrow": NARROW, "zoomed": ZOOMED}.items():
            await page.set_viewport_size(viewport)
            faults += [f"{name}{spacing}, too wide: {each}" for each in await page.evaluate(_SIDEWAYS)]
            faults += [f"{name}{spacing}, cut off: {each}" for each in await page.evaluate(_CUT)]
        await page.evaluate(_TEXT_SPACING)
    await page.evaluate("document.adoptedStyleSheets = []")
    if before:
        await page.set_viewport_size(before)
    return faults
