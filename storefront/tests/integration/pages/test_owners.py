"""Orders and listings are shown only to the person whom they belong to."""

import re

import pytest
from storefront.tests.shop import PROGRAM, Shop, next_page

from common.domain.ids import UserId
from devkit.testing.events import EventStreams
from devkit.testing.forged_tokens import USER_ID, forged_tokens, signed
from devkit.testing.keys import KeyPair
from devkit.testing.running import somebody
from devkit.testing.samples import listed_ticket, order_events
from storefront.listing_query import PAGE_SIZE

SIGN_IN_FIRST = "Sign in to "


async def test_an_order_is_shown_to_its_buyer_with_what_happened(shop: Shop, streams: EventStreams) -> None:
    buyer = somebody()
    created, cancelled, _ = order_events(listed_ticket().id, buyer=buyer)
    await streams.publish(created, cancelled)
    await shop.follow(created, cancelled)
    page = await shop.get(f"/orders/{created.id}", buyer)
    assert page.status_code == 200
    story = page.text[page.text.index('id="story"') :]
    assert story.index("You ordered the ticket.") < story.index("The order was cancelled.")
    assert ">order.created<" not in story
    assert f'href="/orders/{created.id}"' in (await shop.get("/orders", buyer)).text


async def test_an_order_of_somebody_else_is_refused_and_shows_nothing(shop: Shop) -> None:
    created, _, _ = order_events(listed_ticket(title="Opera").id)
    await shop.follow(created)
    page = await shop.get(f"/orders/{created.id}", somebody())
    assert page.status_code == 403
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Somebody else placed this order" in page.text
    assert created.ticket.title not in page.text
    assert created.id not in (await shop.get("/orders", somebody())).text


async def test_listings_and_sales_are_those_of_their_seller(shop: Shop) -> None:
    seller, other = somebody(), somebody()
    ticket = listed_ticket(seller=seller)
    created, _, completed = order_events(ticket.id)
    sold = ticket.model_copy(update={"order_id": created.id})
    await shop.follow(sold, completed)
    sums = (await shop.get("/selling", seller)).text
    assert "<dd>1 ticket</dd>" in sums
    assert "<dd>$19.99</dd>" in sums
    assert ticket.id not in (await shop.get("/selling", other)).text


@pytest.mark.parametrize(("path", "item"), [("/selling", "data-ticket="), ("/orders", "data-order=")])
async def test_a_later_page_of_a_list_of_ones_own_leads_back_to_the_newest(shop: Shop, path: str, item: str) -> None:
    person = somebody()
    for _ in range(PAGE_SIZE + 1):
        await shop.follow(listed_ticket(seller=person), order_events(listed_ticket().id, buyer=person)[0])
    back = f'href="{path}">Newest '
    first = await shop.get(path, person)
    assert back not in first.text
    later = await shop.get(next_page(first), person)
    assert back in later.text
    assert len(re.findall(item, later.text)) == 1
    behind = await shop.get(f"{path}?after={'0' * 24}", person)
    assert back in behind.text
    assert "There are no older " in behind.text


async def test_the_page_of_ones_own_ticket_leads_to_a_list_that_begins_with_it(shop: Shop) -> None:
    seller = somebody()
    older, ticket, newer = [listed_ticket(seller=seller) for _ in range(3)]
    await shop.follow(older, ticket, newer)
    path = f"/selling?ticket={ticket.id}"
    assert f'href="{path}"' in (await shop.get(f"/tickets/{ticket.id}", seller)).text
    page = await shop.get(path, seller)
    assert re.findall('<li .*data-ticket="([^"]+)"', page.text) == [ticket.id, older.id]
    assert 'href="/selling">Newest listings' in page.text


@pytest.mark.parametrize("path", ["/orders", "/orders/65f0c0ffee00000000000020", "/selling"])
async def test_a_person_who_is_not_signed_in_is_asked_to_sign_in(shop: Shop, path: str) -> None:
    page = await shop.get(path)
    assert page.status_code == 200
    assert SIGN_IN_FIRST in page.text


async def test_an_expired_or_forged_cookie_counts_as_not_signed_in(shop: Shop, keys: KeyPair) -> None:
    """Also if it is the cookie of the buyer."""
    created, _, _ = order_events(listed_ticket().id, buyer=UserId(USER_ID))
    await shop.follow(created)
    path = f"/orders/{created.id}"
    good = await shop.get(path, session=signed(keys))
    assert "data-signed-in" in good.text
    forged = {name: token for name, token in forged_tokens(keys).items() if token.isascii() and len(token) < 5_000}
    assert "expired an hour ago" in forged
    for name, token in forged.items():
        page = await shop.get(path, session=token)
        assert page.status_code == 200, name
        assert SIGN_IN_FIRST in page.text, name
        assert "data-signed-in" not in page.text, name


@pytest.mark.parametrize(
    "path", ["/nothing", "/orders/nothing", "/tickets/x", "/tickets/65f0c0ffee00000000000010", "/tickets/$gt"]
)
async def test_an_address_of_nothing_is_a_page_with_404(shop: Shop, path: str) -> None:
    page = await shop.get(path, somebody())
    assert page.status_code == 404, page.text
    assert page.headers["content-type"].startswith("text/html")
    kind = path.split("/")[1].rstrip("s") if path != "/nothing" else "page"
    assert f"<title>There is no such {kind} · " in page.text
    assert f"<h1>There is no such {kind}</h1>" in page.text


async def test_a_program_gets_a_problem_document(shop: Shop) -> None:
    answer = await shop.get("/tickets/65f0c0ffee00000000000010", accept=PROGRAM)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["detail"] == "There is no such ticket."


@pytest.mark.parametrize("after", ["x", "$gt", "%00", "65f0c0ffee00000000000010", "\u0661", "a" * 3000])
async def test_no_place_in_a_list_of_ones_own_breaks_it(shop: Shop, after: str) -> None:
    for place in ("/orders?after", "/selling?after", "/selling?ticket"):
        assert (await shop.get(f"{place}={after}", somebody())).status_code == 200
