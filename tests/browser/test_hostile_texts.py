"""What a seller may write into a title or a venue harms no page."""

from typing import Any

from browser.layout import find_layout_faults
from browser.rendered import listed
from browser.stage import Stage, open_after, seen
from playwright.async_api import Page, expect

from common.events.tickets import Place

_TEXTS = {
    "script": "<script>window.harmed = true</script>",
    "image": "\"'><img src=x onerror='window.harmed = true'>",
    "template": "{{ 7 * 7 }} ${7 * 7} &lt;b&gt; </bdi></span></a></li></ul>",
    "right to left": "\u05de\u05d5\u05e4\u05e2 \u0641\u064a \u0627\u0644\u0642\u0627\u0647\u0631\u0629 (2027)",
    "direction marks": "Concert \u200fgnp.exe \u05de \u200e(2027)",
    "long": "W" * 200,
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466\U0001f3f3\ufe0f\u200d\U0001f308" * 14,
    "combining": "".join(letter + "\u0335\u0301\u0317\u0489" * 9 for letter in "Zalgo"),
    "punctuation": "?!...,;:-_#'+*~^&%$\u00a7/()=\\`|<>@",
}
_WIDE = ("long", "emoji", "combining", "right to left")
_LOOKS = """([id, title]) => {
  const card = document.querySelector(`[data-ticket="${id}"]`);
  const box = (selector) => {
    const it = card.querySelector(selector).getBoundingClientRect();
    const around = card.getBoundingClientRect();
    return [it.left - around.left, around.right - it.right, around.bottom - it.bottom].map(Math.round);
  };
  return {
    harmed: "harmed" in window,
    elements: [...card.querySelectorAll("script, img, b")].length,
    title: card.querySelector(title).textContent,
    price: box("[data-price-text]"),
    state: box("[data-state-text]"),
  };
}"""


async def _looks(page: Page, ticket: dict[str, Any], title: str) -> dict[str, Any]:
    looks: dict[str, Any] = await page.evaluate(_LOOKS, [ticket["id"], title])
    return looks


async def _lists_all(stage: Stage) -> dict[str, dict[str, Any]]:
    return {
        name: await stage.lists(text, venue=text, place={"section": text[:50], "row": text[:50]})
        for name, text in _TEXTS.items()
    }


async def test_hostile_titles_are_shown_harmlessly_in_every_list(stage: Stage) -> None:
    plain = await stage.lists("Swan Lake", venue="Opera House")
    hostile = await _lists_all(stage)
    page = await stage.open(after=seen("ticket", hostile["punctuation"]))
    expected = await _looks(page, plain, ".ticket-title")
    for name, ticket in hostile.items():
        looks = await _looks(page, ticket, ".ticket-title")
        assert (name, looks["harmed"], looks["title"], looks["elements"]) == (name, False, ticket["title"], 0)
        assert (name, _places(looks)) == (name, _places(expected)), "the price and the state stay where they are"
    assert await find_layout_faults(page) == []

    for ticket in hostile.values():
        order = await stage.buyer.orders(ticket)
    for path, person in {"/orders": stage.buyer, "/selling": stage.seller}.items():
        page = await stage.open(path, person, seen("order", order))
        for ticket in hostile.values():
            assert ticket["title"] in await page.locator("bdi.ticket-title").all_text_contents()
        assert await page.evaluate("'harmed' in window || document.images.length > 0") is False
        assert await find_layout_faults(page) == []


async def test_a_hostile_title_is_shown_harmlessly_on_a_page_of_its_own(stage: Stage) -> None:
    hostile = await _lists_all(stage)
    page = await stage.open("/orders", stage.buyer)
    orders = {name: await stage.buyer.orders(ticket) for name, ticket in hostile.items()}
    for name, ticket in hostile.items():
        order = orders[name]
        await open_after(page, f"/tickets/{ticket['id']}", seen("order", order))
        looks = await _looks(page, ticket, "h1")
        assert (name, looks["harmed"], looks["title"], looks["elements"]) == (name, False, ticket["title"], 0)
        assert await page.title() == f"{' '.join(ticket['title'].split())} · Ticket marketplace"
        if name in _WIDE:
            assert await find_layout_faults(page) == [], name
        await page.goto(f"/orders/{order['id']}")
        assert await page.get_by_role("heading", level=1).text_content() == ticket["title"]
        assert await page.evaluate("'harmed' in window || document.images.length > 0") is False
    await page.goto(f"/orders/{orders['long']['id']}")
    assert await find_layout_faults(page) == []


def _places(looks: dict[str, Any]) -> Any:
    """The distances of the price and of the state from the left, right and lower edges of their card."""
    return looks["price"], looks["state"]


async def test_a_bidi_override_does_not_turn_the_text_around_it(stage: Stage) -> None:
    place = Place(section="A\u202eB", row="7")
    page = await stage.open_rendered(listed(title="Concert \u202etxet", venue="Opera \u202eHouse", place=place))
    is_left_of = """(it, words) => {
      const at = (word) => {
        const walker = document.createTreeWalker(it, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
          const start = walker.currentNode.data.indexOf(word);
          if (start < 0) continue;
          const range = document.createRange();
          range.setStart(walker.currentNode, start);
          range.setEnd(walker.currentNode, start + word.length);
          return range.getBoundingClientRect().left;
        }
      };
      return at(words[0]) < at(words[1]);
    }"""
    shown = page.locator("dd", has_text="Section")
    assert await shown.evaluate(is_left_of, ["Section", "Row"])
    assert await shown.evaluate(is_left_of, ["Row", "7"]), "the words after the section go from left to right"


async def test_a_search_for_markup_is_shown_as_text(stage: Stage) -> None:
    page = await stage.open("/?q=%3Cscript%3Ewindow.harmed%3Dtrue%3C/script%3E%22%3E%3Cimg%20onerror%3D1%3E")
    await expect(page.get_by_role("heading", level=2)).to_contain_text('<script>window.harmed=true</script>"><img')
    await expect(page.get_by_label("Search")).to_have_value('<script>window.harmed=true</script>"><img onerror=1>')
    assert await page.evaluate("'harmed' in window || document.images.length > 0") is False
