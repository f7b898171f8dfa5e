"""Several tabs of one browser, back and forward, and a reload at each step of a purchase."""

from browser.shopper import buy, buy_button, is_live, is_paid_once, open_ticket, pay, pay_button, sees_paid
from browser.visit import OpenVisit
from playwright.async_api import Page, Request, expect
from system.people import Person

_STATE = "[data-state-text]"


async def test_two_tabs_share_one_connection_and_the_second_goes_on_when_the_first_is_closed(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    ticket = await seller.lists()
    visit = await open_visit()
    connections: list[Request] = []
    visit.context.on("request", lambda request: connections.append(request) if "/live/" in request.url else None)
    first = await open_ticket(visit, ticket)
    second = await visit.open(f"/tickets/{ticket['id']}")
    order = await buyer.orders(ticket)
    for page in (first, second):
        await expect(page.locator(_STATE)).to_have_text("Held")
        await expect(buy_button(page)).to_be_hidden()
    assert len(connections) == 1
    async with visit.context.expect_event("response", is_live):
        await first.close()
    await buyer.pays(order)
    await expect(second.locator(_STATE)).to_have_text("Sold")
    assert len(connections) == 2


async def test_what_one_tab_buys_and_pays_the_other_tab_shows(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    ticket = await seller.lists()
    visit = await open_visit(buyer)
    buying = await open_ticket(visit, ticket)
    looking = await visit.open(f"/tickets/{ticket['id']}")
    await buy(buying)
    order, orders = await visit.open(buying.url), await visit.open("/orders")
    other = await buyer.orders(await seller.lists("Ordered elsewhere"))  # with another computer, or by REST
    await expect(orders.locator(f"[data-order='{other['id']}']")).to_contain_text("Ordered elsewhere")
    await expect(looking.locator(_STATE)).to_have_text("Held")
    await expect(looking.get_by_text("This ticket is held for you.")).to_be_visible()
    await pay(buying)
    for page in (buying, order):
        await sees_paid(page)
        await expect(pay_button(page)).to_be_hidden()
    await expect(looking.get_by_text("You have bought this ticket.")).to_be_visible()


async def test_who_signs_out_in_one_tab_is_signed_out_in_the_other(open_visit: OpenVisit, buyer: Person) -> None:
    visit = await open_visit(buyer)
    first, second = await visit.open("/"), await visit.open("/orders")
    await first.get_by_role("button", name="Sign out").click()
    await expect(second.get_by_text("Sign in to see your orders.")).to_be_visible()


async def test_a_reload_at_each_step_changes_nothing(open_visit: OpenVisit, seller: Person, buyer: Person) -> None:
    visit = await open_visit(buyer)
    visit.expect_error("402 ")
    page = await open_ticket(visit, await seller.lists())
    await page.reload()
    order_id = await buy(page)
    await page.reload()
    await expect(page.get_by_role("timer")).to_contain_text("0:5")
    await pay(page, "Expired")
    await expect(page.get_by_text("Your card has expired.")).to_be_visible()
    await page.reload()
    await expect(page.get_by_text("The ticket is yours if you pay in time.")).to_be_visible()
    await pay(page)
    await sees_paid(page)
    await page.reload()
    await sees_paid(page)
    await expect(pay_button(page)).to_be_hidden()
    await is_paid_once(buyer, order_id)


async def test_a_reload_while_a_slow_card_is_charged_does_not_charge_it_again(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    visit = await open_visit(buyer)
    page = await open_ticket(visit, await seller.lists())
    order_id = await buy(page)
    second = await visit.open(f"/orders/{order_id}")
    visit.expect_error("409 ")
    async with page.expect_request("**/api/payments"):
        await pay(page, "Accepted after a few seconds")
    await pay(second)
    await page.reload()
    for tab in (second, page):
        await expect(tab.get_by_text("A payment for this order is under way.")).to_be_visible()
        await expect(tab.locator("#pay").get_by_role("alert")).to_be_hidden()
    await sees_paid(second)
    await sees_paid(page)
    await is_paid_once(buyer, order_id)


async def test_back_and_forward_show_the_present_state(open_visit: OpenVisit, seller: Person, buyer: Person) -> None:
    visit = await open_visit(buyer)
    page = await open_ticket(visit, await seller.lists())
    await buy(page)
    await page.go_back()
    await expect(page.get_by_text("This ticket is held for you.")).to_be_visible()
    await expect(buy_button(page)).to_be_hidden()
    await page.go_forward()
    await pay(page)
    await sees_paid(page)
    await page.go_back()
    await expect(page.get_by_text("You have bought this ticket.")).to_be_visible()
    await page.go_forward()
    await sees_paid(page)


async def test_a_page_that_comes_back_from_the_memory_of_the_browser_loads_its_present_state(
    open_visit: OpenVisit, seller: Person, buyer: Person
) -> None:
    ticket = await seller.lists()
    visit = await open_visit()
    await visit.context.route("**/live/events*", lambda _: None)  # as if the page had not run meanwhile
    page = await visit.open(f"/tickets/{ticket['id']}")
    order = await buyer.orders(ticket)
    async with page.expect_response(f"**/tickets/{ticket['id']}"):
        await _come_back(page, after=f"order-{order['id']}-1")
    await expect(page.locator(_STATE)).to_have_text("Held")
    await expect(buy_button(page)).to_be_hidden()


async def _come_back(page: Page, after: str) -> None:
    # Chromium keeps no page in memory that holds a lock, as the connected one does. Other browsers do.
    await page.evaluate(f"document.cookie = 'seen={after}; path=/'")
    await page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
