"""The page that links the API documentation."""

from browser.accessibility import find_violations
from browser.visit import OpenVisit


async def test_the_api_index_links_the_documentation_and_axe_finds_nothing(open_visit: OpenVisit) -> None:
    page = await (await open_visit()).open("/api/docs")
    assert await page.get_by_role("heading", level=1).inner_text() == "The API of the ticket marketplace"
    assert await find_violations(page) == []
    await page.get_by_role("link", name="tickets").click()
    await page.wait_for_url("**/api/docs/tickets")
