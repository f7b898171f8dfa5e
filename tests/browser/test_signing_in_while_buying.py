"""A person who is not signed in clicks Buy."""

import secrets

import pytest
from browser.shopper import TAKEN, buy_button, is_paid_once, open_ticket, order_id_of, pay, sees_paid
from browser.visit import OpenVisit
from playwright.async_api import Locator, expect
from system.people import Person

_PASSWORD = "correct horse"


async def test_after_a_wrong_password_and_the_right_one_the_purchase_goes_on_by_itself(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    visit = await open_visit()
    visit.expect_error("401 ")
    page = await open_ticket(visit, await seller.lists())
    await buy_button(page).click()
    dialog = page.get_by_role("dialog", name="Sign in")
    await expect(dialog.get_by_label("E-mail address")).to_be_focused()
    email = await _email_of(buyer)
    await _fill(dialog, email, "wrong horse")
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(dialog.get_by_role("alert")).to_have_text("The e-mail address or the password is wrong.")
    await expect(dialog.get_by_label("E-mail address")).to_have_value(email)
    await _fill(dialog, email, _PASSWORD)
    await dialog.get_by_label("Password").press("Enter")
    order_id = await order_id_of(page)
    await pay(page)
    await sees_paid(page)
    await is_paid_once(buyer, order_id)


async def test_a_new_person_signs_up_in_the_middle_of_a_purchase_and_errors_are_beside_their_fields(
    open_visit: OpenVisit, seller: Person
) -> None:
    visit = await open_visit()
    visit.expect_error("422 ")
    page = await open_ticket(visit, await seller.lists())
    await buy_button(page).click()
    await page.get_by_role("dialog").get_by_role("link", name="Create an account").click()
    dialog = page.get_by_role("dialog", name="Create an account")
    await _fill(dialog, "nobody", "short")
    await dialog.get_by_role("button", name="Create account").click()
    await _sees_error(dialog, "email", "Must be an e-mail address.")
    await _sees_error(dialog, "password", "at least 8 characters")
    await expect(dialog.get_by_label("E-mail address")).to_be_focused()
    await _fill(dialog, f"{secrets.token_hex(8)}@example.com", _PASSWORD)
    await dialog.get_by_role("button", name="Create account").click()
    await order_id_of(page)


async def test_a_taken_address_is_said_beside_it_and_one_can_sign_in_instead(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    visit = await open_visit()
    visit.expect_error("409 ")
    page = await open_ticket(visit, await seller.lists())
    await buy_button(page).click()
    await page.get_by_role("dialog").get_by_role("link", name="Create an account").click()
    dialog = page.get_by_role("dialog")
    await _fill(dialog, await _email_of(buyer), _PASSWORD)
    await dialog.get_by_role("button", name="Create account").click()
    await _sees_error(dialog, "email", "")
    await dialog.get_by_role("link", name="Sign in").click()
    await expect(page.get_by_role("dialog")).to_have_accessible_name("Sign in")
    await _fill(page.get_by_role("dialog"), await _email_of(buyer), _PASSWORD)
    await page.get_by_role("dialog").get_by_role("button", name="Sign in").click()
    await order_id_of(page)


@pytest.mark.parametrize("way", ["Cancel", "Escape"])
async def test_who_closes_the_dialog_has_bought_nothing_and_can_try_again(
    open_visit: OpenVisit, seller: Person, buyer: Person, way: str
) -> None:
    page = await open_ticket(await open_visit(), await seller.lists())
    await buy_button(page).click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("link", name="Create an account").click()
    await (dialog.get_by_role("button", name="Cancel").click() if way == "Cancel" else page.keyboard.press(way))
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_role("alert")).to_be_hidden()
    await expect(buy_button(page)).to_be_focused()
    await buy_button(page).click()
    await _fill(dialog, await _email_of(buyer), _PASSWORD)
    await dialog.get_by_role("button", name="Sign in").click()
    await order_id_of(page)


async def test_who_was_slower_because_of_the_sign_in_is_told_so(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    ticket = await seller.lists()
    visit = await open_visit()
    visit.expect_error("409 ")
    page = await open_ticket(visit, ticket)
    await buy_button(page).click()
    async with Person.signed_up(str(seller.http.base_url)) as faster:
        await faster.orders(ticket)
    dialog = page.get_by_role("dialog")
    await _fill(dialog, await _email_of(buyer), _PASSWORD)
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_have_text(TAKEN)
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()


async def test_who_has_signed_out_in_another_browser_tab_signs_in_and_the_purchase_goes_on(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    visit = await open_visit(buyer)
    visit.expect_error("401 ")
    page = await open_ticket(visit, await seller.lists())
    await visit.context.clear_cookies()
    await buy_button(page).click()
    await page.wait_for_url("**/signin?next=*")
    form = page.get_by_role("main")
    await _fill(form, await _email_of(buyer), _PASSWORD)
    await form.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/tickets/*")
    await buy_button(page).click()
    await order_id_of(page)


@pytest.mark.parametrize("place", ["dialog", "page"])
@pytest.mark.parametrize(("kind", "password"), [("signin", "current-password"), ("signup", "new-password")])
async def test_password_managers_find_the_fields(open_visit: OpenVisit, place: str, kind: str, password: str) -> None:
    page = await (await open_visit()).open("/" if place == "dialog" else f"/{kind}")
    form = page.locator(f"#{kind} form" if place == "dialog" else "main form")
    assert await _attributes(form.get_by_label("E-mail address", exact=True)) == ["email", "email", "username"]
    assert await _attributes(form.get_by_label("Password")) == ["password", "password", password]
    assert await form.get_attribute("method") == "post", "so that a password is never part of an address"
    ids = await page.eval_on_selector_all("[id]", "all => all.map(each => each.id)")
    assert len(ids) == len(set(ids))


async def _attributes(field: Locator) -> list[str | None]:
    return [await field.get_attribute(name) for name in ("name", "type", "autocomplete")]


async def _email_of(person: Person) -> str:
    return str((await person.sees("/api/users/currentuser"))["currentUser"]["email"])


async def _fill(form: Locator, email: str, password: str) -> None:
    await form.get_by_label("E-mail address").fill(email)
    await form.get_by_label("Password").fill(password)


async def _sees_error(form: Locator, field: str, text: str) -> None:
    await expect(form.locator(f"[name={field}]")).to_have_attribute("aria-invalid", "true")
    await expect(form.locator(f"[data-error-for={field}]")).to_contain_text(text)
    await expect(form.locator(f"[data-error-for={field}]")).not_to_be_empty()
