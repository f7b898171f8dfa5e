"""What a seller does on the page "My listings"."""

from playwright.async_api import Locator, Page


def row_of(page: Page, ticket: dict[str, object]) -> Locator:
    return page.locator(f"[data-ticket='{ticket['id']}']")


async def change(page: Page, ticket: dict[str, object], label: str, value: str, *, saves: bool = True) -> None:
    await row_of(page, ticket).get_by_text("Change", exact=True).click()
    await row_of(page, ticket).get_by_label(label).fill(value)
    if saves:
        await row_of(page, ticket).get_by_role("button", name="Save").click()


def withdraw_button(row: Locator) -> Locator:
    return row.get_by_role("button", name="Withdraw", exact=True)
