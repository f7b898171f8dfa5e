"""What a person does to sign in, and the end of a session."""

from browser.visit import Visit
from playwright.async_api import Locator, Page, expect
from system.people import Person

PASSWORD = "correct horse"  # of each Person


async def email_of(person: Person) -> str:
    return str((await person.sees("/api/users/currentuser"))["currentUser"]["email"])


async def fill(form: Locator, email: str, password: str = PASSWORD) -> None:
    await form.get_by_label("E-mail address").fill(email)
    await form.get_by_label("Password").fill(password)


async def sign_in(form: Locator, person: Person) -> None:
    await fill(form, await email_of(person))
    await form.get_by_role("button", name="Sign in").click()


async def end_session(visit: Visit) -> None:
    """End the session as its expiry does: no page of this browser learns of it."""
    visit.expect_error("401 ")
    await visit.context.clear_cookies()


async def look_again(page: Page) -> None:
    """Do what a browser does when a person comes back to the tab."""
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def header_says(page: Page, *, signed_in: bool) -> None:
    header = page.get_by_role("banner")
    await expect(header.get_by_role("button", name="Sign out")).to_be_visible(visible=signed_in)
    await expect(header.get_by_role("link", name="My orders")).to_be_visible(visible=signed_in)
    await expect(header.get_by_role("link", name="Sign in")).to_be_visible(visible=not signed_in)
