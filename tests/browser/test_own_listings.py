"""A seller in the browser changes listings, while others buy, and in two tabs."""

from browser.own_listings import change, row_of
from browser.shopper import note_loads
from browser.stage import Stage, seen
from playwright.async_api import Route, expect


async def test_a_saved_listing_is_shown_where_it_is_and_the_page_says_so(stage: Stage) -> None:
    ticket, other = await stage.lists("Old", venue="Opera House"), await stage.lists("Other")
    for number in range(24):
        await stage.lists(f"Newer {number}")
    page = await stage.open("/selling", stage.seller, seen("ticket", other))
    await page.get_by_role("link", name="Older listings").click()
    await expect(page.get_by_role("link", name="Newest listings")).to_have_attribute("href", "/selling")
    await row_of(page, other).get_by_text("Change", exact=True).click()
    await row_of(page, other).get_by_label("Title").fill("Not saved yet")
    address = page.url
    for label, value in {"Title": "Hamlet", "Venue": ""}.items():
        await change(page, ticket, label, value)
        row = row_of(page, ticket)
        await expect(row.get_by_text("Saved.")).to_be_visible()
        await expect(page.get_by_role("status").filter(has_text="Saved.")).to_have_count(1)
        await expect(row.get_by_text("Change", exact=True)).to_be_focused()
        await expect(row.locator(".ticket-title")).to_have_text("Hamlet")
    assert page.url == address
    await expect(row_of(page, other).get_by_label("Title")).to_have_value("Not saved yet")
    changed = await stage.seller.sees(f"/api/tickets/{ticket['id']}")
    assert (changed["title"], changed["venue"]) == ("Hamlet", None)
    await page.goto(f"/tickets/{ticket['id']}")
    await page.get_by_role("link", name="Change it under").click()
    await expect(row_of(page, ticket).get_by_label("Title")).to_be_focused()
    await expect(row_of(page, ticket).get_by_label("Title")).to_have_value("Hamlet")
    await expect(row_of(page, other)).to_be_hidden()


async def test_a_saved_row_shows_what_was_saved_although_the_list_is_late(stage: Stage) -> None:
    ticket = await stage.lists("Old", venue="Opera House")
    page = await stage.open("/selling", stage.seller, seen("ticket", ticket))
    await page.clock.install()
    late = (await stage.seller.http.get("/selling", headers={"Accept": "text/html"})).text
    await page.route("**/selling", lambda route: route.fulfill(body=late, content_type="text/html"))
    row = row_of(page, ticket)
    await row.get_by_text("Change", exact=True).click()
    for label, value in {"Venue": "", "Price in US dollars": "1234,5", "Date and time": "2040-05-01T20:00"}.items():
        await row.get_by_label(label).fill(value)
    await note_loads(page)
    await row.get_by_label("Row").fill("F")
    await row.get_by_role("button", name="Save").click()
    await page.wait_for_selector("body[data-loaded]")
    await expect(row.get_by_text("Saved.")).to_be_visible()
    await expect(row.locator(".price")).to_have_text("$1,234.50")
    await expect(row.locator(".row-link")).to_contain_text("1 May 2040, 20:00")
    await expect(row.locator(".row-link")).to_contain_text("Row F")
    await expect(row.get_by_label("Price in US dollars")).to_have_value("1234.50")
    await expect(row.get_by_text("Opera House")).to_be_hidden()
    await page.clock.fast_forward(30_000)  # the message does not stay for ever
    await expect(row.get_by_text("Saved.")).to_be_hidden()
    await expect(page.get_by_role("status").filter(has_text="Saved.")).to_have_count(0)


async def test_a_second_tab_does_not_undo_what_the_first_has_changed(stage: Stage) -> None:
    ticket = await stage.lists("Old", venue="Opera House")
    page = await stage.open("/selling", stage.seller, seen("ticket", ticket), errors="409 |ERR_FAILED")
    row = row_of(page, ticket)
    await row.get_by_text("Change", exact=True).click()
    await row.get_by_label("Venue").fill("Arena")

    async def lose_the_answer(route: Route) -> None:
        await stage.seller.http.put(f"/api/tickets/{ticket['id']}", json=route.request.post_data_json)
        await route.abort()

    put = {"title": "New", "price": "19.90", "venue": "Theatre"}
    assert (await stage.seller.http.put(f"/api/tickets/{ticket['id']}", json=put)).status_code == 200

    await row.get_by_role("button", name="Save").click()
    await expect(row.get_by_role("alert").first).to_contain_text("has changed meanwhile")
    await expect(row.get_by_label("Title")).to_have_value("New")
    await expect(row.locator("[data-error-for='title']")).to_have_text("Changed meanwhile. Before, it was “Old”.")
    await expect(row.get_by_label("Venue")).to_have_value("Arena")
    await expect(row.locator("[data-error-for='venue']")).to_contain_text("It is “Theatre” now.")
    await expect(row.locator("[data-error-for='price']")).to_be_empty()
    await page.route("**/api/tickets/*", lose_the_answer, times=1)  # the page sends again what was done already
    await row.get_by_role("button", name="Save").click()
    await expect(row_of(page, ticket).get_by_text("Saved.")).to_be_visible()
    saved = await stage.seller.sees(f"/api/tickets/{ticket['id']}")
    assert (saved["title"], saved["venue"], saved["version"]) == ("New", "Arena", 3)


async def test_a_list_replaces_only_the_form_of_a_changed_listing(stage: Stage) -> None:
    """A full list has so many forms that the browser would need most of its time for those that stay the same."""
    ticket, other = await stage.lists("Changed"), await stage.lists("Same")
    page = await stage.open("/selling", stage.seller, seen("ticket", other))
    for each in (ticket, other):
        await row_of(page, each).locator("form").evaluate("form => { form.dataset.old = '' }")
    put = {"title": "Changed elsewhere", "price": "19.90"}
    assert (await stage.seller.http.put(f"/api/tickets/{ticket['id']}", json=put)).status_code == 200
    await expect(row_of(page, ticket).get_by_label("Title")).to_have_value("Changed elsewhere")
    await expect(row_of(page, ticket).locator("form")).not_to_have_attribute("data-old", "")
    await expect(row_of(page, other).locator("form")).to_have_attribute("data-old", "")


async def test_a_change_is_kept_while_somebody_buys_and_saved_if_they_do_not(stage: Stage) -> None:
    ticket = await stage.lists()
    page = await stage.open("/selling", stage.seller, seen("ticket", ticket), errors="409 ")
    row = row_of(page, ticket)
    save, why = row.get_by_role("button", name="Save"), row.get_by_text("Somebody is buying this ticket now").first
    await row.get_by_text("Change", exact=True).click()
    await row.get_by_label("Title").fill("Hamlet")
    order = await stage.buyer.orders(ticket)
    await expect(save).to_be_disabled()
    await expect(why).to_be_visible()
    await expect(page.get_by_role("status").filter(has_text="so it cannot be changed")).to_have_count(1)
    await expect(why).to_be_in_viewport(ratio=1)
    await expect(row.get_by_role("button", name="Cancel")).to_be_in_viewport(ratio=1)
    await stage.buyer.http.delete(f"/api/orders/{order['id']}")
    await expect(why).to_be_hidden()
    await expect(page.get_by_role("status").filter(has_text="can be changed again")).to_have_count(1)
    await stage.seller.sees_ticket_held_by(ticket, None)
    await expect(row.get_by_label("Title")).to_have_value("Hamlet")
    await save.click()  # the ticket has another version now, but nobody has changed the listing
    await expect(row_of(page, ticket).get_by_text("Saved.")).to_be_visible()
    await expect(row_of(page, ticket).locator(".ticket-title")).to_have_text("Hamlet")


async def test_what_a_seller_types_survives_a_change_of_another_listing(stage: Stage) -> None:
    ticket, other = await stage.lists("First"), await stage.lists("Second")
    page = await stage.open("/selling", stage.seller, seen("ticket", other))
    title = row_of(page, ticket).get_by_label("Title")
    await row_of(page, ticket).get_by_text("Change", exact=True).press("Enter")
    await expect(title).to_be_focused()
    await title.fill("A new title")
    await note_loads(page)
    await stage.buyer.pays(await stage.buyer.orders(other))
    await expect(page.locator(".sums dd")).to_have_text(["1 ticket", "$19.90"])
    await expect(row_of(page, other).get_by_text("Change", exact=True)).to_have_count(0)
    newest = await stage.lists("Third")
    await expect(row_of(page, newest)).to_be_visible()
    order = await page.locator(".rows > li").evaluate_all("rows => rows.map(row => row.dataset.ticket)")
    assert order == [newest["id"], other["id"], ticket["id"]]
    await page.wait_for_selector("body[data-loaded]")
    await expect(title).to_have_value("A new title")
    await expect(title).to_be_focused()
    await page.keyboard.press("Escape")  # the seller gives up
    await expect(row_of(page, ticket).get_by_text("Change", exact=True)).to_be_focused()
    await row_of(page, ticket).get_by_text("Change", exact=True).click()
    await expect(title).to_have_value("First")
    await title.fill("Another title")
    await row_of(page, ticket).get_by_role("button", name="Cancel").click()
    await expect(title).to_be_hidden()
    await expect(title).to_have_value("First")
