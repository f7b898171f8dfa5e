"""A person who is not signed in clicks Buy."""

import secrets

import pytest
from browser.shopper import TAKEN, buy_button, is_paid_once, open_ticket, order_id_of, pay, sees_paid
from browser.signing_in import PASSWORD, email_of, end_session, fill, sign_in
from browser.visit import OpenVisit
from playwright.async_api import Locator, Request, Route, expect
from system.people import Person

_REASON = " to buy \u2068Concert\u2069 for $19.99. The ticket is then ordered at once, and you pay on the next page."
_TOO_SHORT = "Choose a password of at least 8 characters."


async def test_after_a_wrong_password_and_the_right_one_the_purchase_goes_on_by_itself(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    visit = await open_visit()
    visit.expect_error("401 ")
    page = await open_ticket(visit, await seller.lists())
    await buy_button(page).click()
    dialog = page.get_by_role("dialog", name="Sign in")
    await expect(dialog.get_by_label("E-mail address")).to_be_focused()
    email = await email_of(buyer)
    await dialog.get_by_role("button", name="Sign in").click()
    await _sees_error(dialog, "email", "Enter your e-mail address.")
    await _sees_error(dialog, "password", "Enter your password.")
    await fill(dialog, email, "wrong horse")
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(dialog.get_by_role("alert")).to_have_text("The e-mail address or the password is wrong.")
    await expect(dialog.get_by_label("E-mail address")).to_have_value(email)
    await fill(dialog, email, PASSWORD)
    visit.expect_error("ERR_INTERNET_DISCONNECTED")
    await visit.context.set_offline(True)
    await dialog.get_by_label("Password").press("Enter")
    await expect(dialog.get_by_role("alert")).to_have_text("The shop does not answer yet. Trying again…")
    await visit.context.set_offline(False)
    order_id = await order_id_of(page)
    await pay(page)
    await sees_paid(page)
    await is_paid_once(buyer, order_id)


async def test_a_new_person_signs_up_in_the_middle_of_a_purchase_and_errors_are_beside_their_fields(
    open_visit: OpenVisit, seller: Person
) -> None:
    visit = await open_visit()
    visit.expect_error("422 |503 ")
    page = await open_ticket(visit, await seller.lists())
    await buy_button(page).click()
    await page.get_by_role("dialog").get_by_role("link", name="Create an account").click()
    dialog = page.get_by_role("dialog", name="Create an account")
    await dialog.get_by_role("button", name="Create account").click()
    await _sees_error(dialog, "email", "Enter your e-mail address.")
    await _sees_error(dialog, "password", _TOO_SHORT)
    await fill(dialog, "nobody", "short")
    await dialog.get_by_role("button", name="Create account").click()
    await _sees_error(dialog, "email", "This is not an e-mail address.")
    await _sees_error(dialog, "password", _TOO_SHORT)
    await expect(dialog.get_by_text("at least 8 characters").filter(visible=True)).to_have_count(1)
    await expect(dialog.get_by_label("E-mail address")).to_be_focused()
    await fill(dialog, f"{secrets.token_hex(8)}@example.com", PASSWORD)
    sent: list[Request] = []

    async def lose(route: Route) -> None:
        sent.append(route.request)
        await route.fulfill(status=503)

    await page.route("**/api/users/signup", lose)
    await dialog.get_by_role("button", name="Create account").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Try again in a moment.")
    assert len(sent) == 1, "a repeated sign-up would say that the address is taken"
    await page.unroute("**/api/users/signup")
    await dialog.get_by_role("button", name="Create account").click()
    await order_id_of(page)


async def test_a_taken_address_is_said_beside_it_and_one_can_sign_in_instead(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    visit = await open_visit()
    visit.expect_error("409 ")
    page = await open_ticket(visit, await seller.lists())
    await buy_button(page).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_have_accessible_description(f"Sign in{_REASON}")
    await dialog.get_by_label("E-mail address").fill(await email_of(buyer))
    await dialog.get_by_role("link", name="Create an account").click()
    await expect(dialog).to_have_accessible_description(f"Create an account{_REASON}")
    await dialog.get_by_label("Password").fill(PASSWORD)  # the address is there already
    await dialog.get_by_role("button", name="Show password").click()
    await expect(dialog.get_by_label("Password")).to_have_attribute("type", "text")
    await dialog.get_by_role("button", name="Create account").click()
    await _sees_error(dialog, "email", "There is an account with this address already.")
    await dialog.get_by_role("link", name="Sign in with this address").click()
    await expect(dialog).to_have_accessible_name("Sign in")
    await expect(dialog.get_by_label("Password")).to_be_focused()
    await dialog.get_by_label("Password").fill(PASSWORD)
    await dialog.get_by_role("button", name="Sign in").click()
    await order_id_of(page)


async def test_the_address_goes_along_from_one_page_to_the_other(open_visit: OpenVisit) -> None:
    page = await (await open_visit()).open("/signup?next=/sell")
    await page.get_by_label("E-mail address").fill("somebody@example.com")
    await page.get_by_role("main").get_by_role("link", name="Sign in").click()
    await page.wait_for_url("**/signin?next=/sell")
    await expect(page.get_by_label("E-mail address")).to_have_value("somebody@example.com")


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
    await sign_in(dialog, buyer)
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
    await sign_in(dialog, buyer)
    await expect(page.get_by_role("alert")).to_have_text(TAKEN)
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()


async def test_who_has_signed_out_in_another_browser_tab_signs_in_and_the_purchase_goes_on(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    visit = await open_visit(buyer)
    page = await open_ticket(visit, await seller.lists())
    await end_session(visit)
    await buy_button(page).click()
    await sign_in(page.get_by_role("dialog"), buyer)
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


async def _sees_error(form: Locator, field: str, text: str) -> None:
    await expect(form.locator(f"[name={field}]")).to_have_attribute("aria-invalid", "true")
    await expect(form.locator(f"[data-error-for={field}]")).to_contain_text(text)
    await expect(form.locator(f"[data-error-for={field}]")).not_to_be_empty()
