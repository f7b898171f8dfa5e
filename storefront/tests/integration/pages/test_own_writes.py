"""After a command, the next page waits until it can show its effect, but never long."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from storefront.tests.shop import BROWSER, PROGRAM, Shop

from common.domain.ids import new_id
from devkit.testing.running import somebody
from devkit.testing.samples import changed_ticket, listed_ticket, order_events

LATE = "Your change is saved."
UNKNOWN = "65f0c0ffee00000000000099"


async def test_a_page_waits_for_what_its_reader_has_just_done(shop: Shop) -> None:
    ticket = listed_ticket()
    await shop.follow(ticket)
    asking = asyncio.create_task(shop.get(f"/tickets/{ticket.id}", seen=f"ticket-{ticket.id}-2"))
    await asyncio.wait([asking], timeout=0.1)
    assert not asking.done()
    await shop.follow(changed_ticket(ticket, 2, title="Opera"))
    page = await asking
    assert "Opera" in page.text
    assert LATE not in page.text


async def test_a_page_waits_at_most_a_second_in_all_and_says_that_it_is_late(shop: Shop) -> None:
    ticket = listed_ticket()
    await shop.follow(ticket)
    seen = f"ticket-{ticket.id}-2.order-{UNKNOWN}-1.payment-{UNKNOWN}-1"
    began = time.monotonic()
    page = await shop.get("/", seen=seen)
    assert 1 <= time.monotonic() - began < 2
    assert LATE in page.text
    assert ticket.id in page.text


async def test_a_page_that_shows_the_effect_already_does_not_wait(shop: Shop) -> None:
    ticket = listed_ticket()
    created, _, _ = order_events(ticket.id)
    await shop.follow(ticket, created)
    began = time.monotonic()
    page = await shop.get("/", seen=f"ticket-{ticket.id}-1.order-{created.id}-1")
    assert time.monotonic() - began < 1
    assert LATE not in page.text


GARBAGE = [
    "x",
    "ticket",
    f"ticket-{UNKNOWN}",
    f"ticket-{UNKNOWN}-",
    f"ticket-{UNKNOWN}-1234567890",
    f"user-{UNKNOWN}-2",
]
GARBAGE += [
    f"ticket-{UNKNOWN}-x",
    "ticket-$gt-1",
    "..",
    "%00",
    "a" * 4000,
    f"TICKET-{UNKNOWN}-2",
    f"ticket-{UNKNOWN}-0",
]


@pytest.mark.parametrize("seen", GARBAGE, ids=lambda seen: seen[:30])
async def test_garbage_in_the_cookie_is_ignored(shop: Shop, seen: str) -> None:
    began = time.monotonic()
    page = await shop.get("/", seen=seen)
    assert page.status_code == 200
    assert LATE not in page.text
    assert time.monotonic() - began < 1


async def test_only_the_first_parts_of_the_cookie_count(shop: Shop) -> None:
    """Otherwise a long cookie would make the service read thousands of documents for one page."""
    page = await shop.get("/", seen=".".join(["x", "x", "x", f"ticket-{UNKNOWN}-1"]))
    assert LATE not in page.text


@pytest.mark.parametrize(("kind", "path"), [("order", "/orders"), ("ticket", "/tickets")])
async def test_what_its_reader_has_just_made_is_late_and_not_missing(shop: Shop, kind: str, path: str) -> None:
    """The browser keeps the cookie as long as the page tries again. A copy may be late by minutes."""
    made = f"{kind}-{UNKNOWN}-1"
    page = await shop.get(f"{path}/{UNKNOWN}", somebody(), seen=f"{made}.x")
    assert (page.status_code, page.headers["refresh"]) == (503, "2")
    assert "The shop is a little late" in page.text
    assert LATE in page.text
    assert "withdrawn" not in page.text
    assert page.headers["set-cookie"] == f"seen={made}; Path=/; Max-Age=10; SameSite=lax"


async def test_what_its_reader_has_not_made_is_missing_though_something_else_is_late(shop: Shop) -> None:
    page = await shop.get(f"/tickets/{UNKNOWN[::-1]}", seen=f"ticket-{UNKNOWN}-1")
    assert page.status_code == 404
    assert "set-cookie" not in page.headers


async def test_a_page_of_what_another_program_has_just_made_waits_for_it(shop: Shop) -> None:
    created, _, _ = order_events(listed_ticket().id, buyer=somebody())
    asking = asyncio.create_task(shop.get(f"/orders/{created.id}", created.user_id))
    await asyncio.wait([asking], timeout=0.1)
    assert not asking.done()
    await shop.follow(created)
    assert (await asking).status_code == 200


@pytest.mark.parametrize("accept", [BROWSER, PROGRAM])
@pytest.mark.parametrize("path", ["/orders", "/tickets"])
@pytest.mark.parametrize(("age", "status"), [(1, 503), (30, 404), (-30, 404)])
async def test_what_may_be_new_is_late_and_what_is_old_or_of_the_future_is_missing(
    shop: Shop, path: str, age: int, status: int, accept: str
) -> None:
    made = datetime.now(UTC) - timedelta(seconds=age)
    page = await shop.get(f"{path}/{int(made.timestamp()):08x}{UNKNOWN[8:]}", somebody(), accept=accept)
    assert page.status_code == status
    assert ("If it is new, this page shows it in a moment." in page.text) is (status == 503)
    assert LATE not in page.text
    assert page.headers.get("refresh") == ("2" if status == 503 and accept == BROWSER else None)


async def test_a_page_that_asks_to_sign_in_says_nothing_of_an_unknown_order(shop: Shop) -> None:
    page = await shop.get(f"/orders/{new_id()}")
    assert page.status_code == 200
    assert LATE not in page.text
