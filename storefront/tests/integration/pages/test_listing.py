"""The list of tickets: search, order and pages, while tickets are listed and sold."""

import re

import pytest
from storefront.tests.shop import Shop, next_page

from common.domain.ids import OrderId
from common.events.tickets import TicketCreated, TicketUpdated, TicketWithdrawn
from devkit.testing.samples import listed_ticket, order_events
from storefront.listing_query import PAGE_SIZE


async def titles(shop: Shop, path: str) -> list[str]:
    """Return the titles of the tickets on a page, in its order. Each title must be one word."""
    copies = shop.running.collection("tickets")
    return [(await copies.find_one({"_id": key}) or {})["title"] for key in await shop.listed(path)]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("rock", ["Rock in the park", "Rocky horror"]),
        ("ROC", ["Rock in the park", "Rocky horror"]),
        ("ock", []),
        ("cafe", ["Café del Mar"]),
        ("CAFÉ", ["Café del Mar"]),
        ("rock park", ["Rock in the park"]),
        ("park roc", ["Rock in the park"]),
        ("rock opera", []),
        (".*", []),
        ("(", []),
        ("🎸", []),
        ("  ", ["Café del Mar", "Rock in the park", "Rocky horror"]),
        ("r.ck", []),
        ("^rock$", ["Rock in the park", "Rocky horror"]),
        ("$where", []),
        ("a{99999}", []),
        ("\x00rock\x00", ["Rock in the park", "Rocky horror"]),
    ],
)
async def test_a_search_finds_the_tickets_with_words_that_begin_so(shop: Shop, search: str, found: list[str]) -> None:
    await shop.follow(*(listed_ticket(title=title) for title in ("Rocky horror", "Rock in the park", "Café del Mar")))
    answer = await shop.client.get("/", params={"q": search}, headers={"Accept": "text/html"})
    assert answer.status_code == 200
    for title in ("Rocky horror", "Rock in the park", "Café del Mar"):
        assert (f">{title}<" in answer.text) == (title in found), search


@pytest.mark.parametrize(
    ("days", "found"),
    [
        ("from=2027-05-02", ["Auckland"]),
        ("to=2027-05-01", ["Honolulu", "Rome"]),
        ("from=2027-05-01&to=2027-05-01", ["Honolulu", "Rome"]),
        ("from=2027-05-02&to=2027-05-01", ["Auckland", "Honolulu", "Rome"]),
        ("from=2027-05-02&to=2027-05-02&sort=soonest", ["Auckland"]),
        ("", ["Auckland", "Honolulu", "Rome", "Undated"]),
    ],
)
async def test_a_day_is_the_day_at_the_place_of_the_event(shop: Shop, days: str, found: list[str]) -> None:
    begins = {
        "Auckland": "2027-05-02T00:30:00+12:00",  # on 1 May in UTC
        "Honolulu": "2027-05-01T20:00:00-10:00",  # on 2 May in UTC
        "Rome": "2027-05-01T20:00:00+02:00",
        "Undated": None,
    }
    await shop.follow(*(listed_ticket(title=title, starts_at=time) for title, time in begins.items()))
    assert sorted(await titles(shop, f"/?{days}")) == found


async def test_each_order_of_the_list_is_kept_over_all_pages(shop: Shop) -> None:
    prices = [100 * (number % 7 + 1) for number in range(2 * PAGE_SIZE + 5)]
    tickets = [
        listed_ticket(price=price, starts_at=f"{2027 + number % 3}-05-01T20:00:00+02:00" if number % 4 else None)
        for number, price in enumerate(prices)
    ]
    await shop.follow(*tickets)
    orders = {
        "newest": sorted(tickets, key=lambda each: each.id, reverse=True),
        "oldest": sorted(tickets, key=lambda each: each.id),
        "cheapest": sorted(tickets, key=lambda each: (each.price, each.id)),
        "dearest": sorted(tickets, key=lambda each: (each.price, each.id), reverse=True),
        "soonest": sorted(tickets, key=lambda each: (each.starts_at or "9", each.id)),
    }
    for sort, expected in orders.items():
        await _leads_back_to_its_first_page(shop, f"/?sort={sort}&show=all&from=2027-01-01&q=")
        for show in ("", "&show=all"):
            found, page = [], f"/?sort={sort}{show}"
            while page:
                answer = await shop.get(page)
                found += await shop.listed(page)
                page = next_page(answer)
            assert found == [each.id for each in expected], sort


async def _leads_back_to_its_first_page(shop: Shop, first: str) -> None:
    second = next_page(await shop.get(first))
    for page in (second, f"{second.partition('after=')[0]}after=000000000000000000000000"):
        (back,) = re.findall(r'href="([^"]+)">(?:Back to the f|F)irst page<', (await shop.get(page)).text) or ("",)
        assert await shop.listed(back.replace("&amp;", "&")) == await shop.listed(first)
    assert "First page" not in (await shop.get(first)).text


@pytest.mark.parametrize("sort", ["newest", "oldest", "cheapest", "dearest", "soonest"])
async def test_pages_neither_repeat_nor_leave_out_while_tickets_come_and_go(shop: Shop, sort: str) -> None:
    stay = [listed_ticket(title="Stays", price=100 * (number % 5 + 1)) for number in range(3 * PAGE_SIZE)]
    go = [listed_ticket(title="Goes", price=100 * (number % 5 + 1)) for number in range(PAGE_SIZE)]
    await shop.follow(*(each for pair in zip(stay[::3], go, strict=True) for each in pair), *stay[1::3], *stay[2::3])
    seen: list[str] = []
    page = f"/?sort={sort}"
    while page:
        seen += await shop.listed(page)
        page = next_page(await shop.get(page))
        leaving = [go.pop() for _ in range(min(5, len(go)))]
        await shop.follow(*(held(ticket) for ticket in leaving), *(listed_ticket(price=300) for _ in range(5)))
        if len(seen) > 20 * PAGE_SIZE:
            break  # the new tickets come at the end of this order
    assert len(seen) == len(set(seen)), "a ticket appears twice"
    assert {each.id for each in stay} <= set(seen), "a ticket that was on sale all the time is left out"


def held(ticket: TicketCreated) -> TicketUpdated:
    order, _, _ = order_events(ticket.id)
    return TicketUpdated.model_validate(ticket.model_dump() | {"version": 2, "order_id": OrderId(order.id)})


async def test_the_list_has_only_what_is_on_sale_unless_one_asks_for_all(shop: Shop) -> None:
    free, sold, over = listed_ticket(), listed_ticket(), listed_ticket(starts_at="2020-05-01T20:00:00+02:00")
    withdrawn = listed_ticket()
    created, _, completed = order_events(sold.id)
    holds = TicketUpdated.model_validate(sold.model_dump() | {"version": 2, "order_id": OrderId(created.id)})
    gone = TicketWithdrawn.model_validate(withdrawn.model_dump() | {"version": 2})
    await shop.follow(free, sold, over, withdrawn, completed, holds, gone)
    assert await shop.states("/") == {free.id: "on-sale"}
    assert await shop.states("/?show=all") == {over.id: "over", sold.id: "sold", free.id: "on-sale"}


async def test_a_sold_ticket_is_shown_as_sold_before_its_own_event_has_arrived(shop: Shop) -> None:
    ticket = listed_ticket()
    _, _, completed = order_events(ticket.id)
    await shop.follow(ticket, completed)
    assert await shop.states("/") == {ticket.id: "sold"}
    page = await shop.get(f"/tickets/{ticket.id}")
    assert 'data-state="sold"' in page.text


HOSTILE = ["sort=x", "sort=_id", "show=ALL", "after=x", "after=$gt", "after[$gt]=", "from=2027-13-99", "to=tomorrow"]
HOSTILE += [
    "from=0001-01-01",
    "to=9999-12-31",
    "q=" + "a" * 2000,
    "q=%ff%fe",
    "q=%00",
    "q=$ne",
    "q[$ne]=x",
    "utm_source=x",
]
HOSTILE += [
    "q=a&q=b",
    "sort=cheapest&after=999999999999_65f0c0ffee00000000000010",
    "q=(((((",
    "q=%F0%9F%8E%B8",
    "&&&=&",
]


@pytest.mark.parametrize("query", HOSTILE, ids=lambda query: query[:20])
async def test_no_query_breaks_the_list(shop: Shop, query: str) -> None:
    await shop.follow(listed_ticket())
    answer = await shop.get(f"/?{query}")
    assert answer.status_code == 200
    assert '<form class="search"' in answer.text


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("/", "/"),
        ("/?sort=cheapest&show=all&after=x", "/?sort=cheapest&amp;show=all"),
        ("/?q=rock", None),
        ("/?from=2027-05-01", None),
        ("/?to=2027-05-01", None),
    ],
)
async def test_new_tickets_are_announced_only_in_a_list_that_has_every_ticket(
    shop: Shop, path: str, link: str | None
) -> None:
    text = (await shop.get(path)).text
    assert re.findall(r'<p [^>]*id="new-tickets".*<a href="([^"]*)"', text) == ([] if link is None else [link])


async def test_the_address_of_all_tickets_leads_to_the_list(shop: Shop) -> None:
    answer = await shop.get("/tickets")
    assert (answer.status_code, answer.headers["location"]) == (307, "/")


async def test_an_empty_page_says_what_to_do(shop: Shop) -> None:
    assert "Nothing is on sale yet" in (await shop.get("/")).text
    assert "<h2>No ticket matches “<bdi>rock</bdi>”</h2>" in (await shop.get("/?q=rock")).text
    assert "<h2>No ticket matches these days</h2>" in (await shop.get("/?to=2027-05-01")).text
    assert "That was the last page" in (await shop.get("/?after=000000000000000000000000")).text


async def test_words_that_match_on_other_days_only_can_be_searched_on_any_day(shop: Shop) -> None:
    ticket = listed_ticket(title="Rock", starts_at="2027-05-02T20:00:00+02:00")
    await shop.follow(ticket)
    text = (await shop.get("/?q=rock&sort=cheapest&from=2027-05-03")).text
    assert "<h2>No ticket matches “<bdi>rock</bdi>” on these days</h2>" in text
    (link,) = re.findall(r'href="([^"]+)">Search on any day<', text)
    assert link == "/?q=rock&amp;sort=cheapest"
    assert await shop.listed(link.replace("&amp;", "&")) == [ticket.id]
    assert "Search on any day" not in (await shop.get("/?q=opera")).text + (await shop.get("/?from=2027-05-03")).text


@pytest.mark.parametrize(("days", "is_said"), [("from=2027-05-03&to=2027-05-01", True), ("from=2027-05-01", False)])
async def test_the_page_says_that_it_has_swapped_the_days(shop: Shop, days: str, *, is_said: bool) -> None:
    text = (await shop.get(f"/?{days}")).text
    assert ("“From” was after “To”. We have swapped them." in text) is is_said
