"""The page of one order leads to what the buyer can do next."""

import re
from datetime import timedelta

import pytest
from storefront.tests.shop import Shop

from common.domain.event import Event
from devkit.testing.running import somebody
from devkit.testing.samples import listed_ticket, order_events, withdrawn_ticket

BUYER = somebody()
TICKET = listed_ticket()
OVER = listed_ticket(starts_at="2020-05-01T20:00:00+02:00")
_TIME_UP = " data-time-up>"


@pytest.mark.parametrize(
    ("events", "next_step"),
    [
        ([TICKET], "Look whether you can buy it again"),
        ([TICKET, withdrawn_ticket(TICKET, 2)], "See what is on sale"),
        ([OVER], "See what is on sale"),
    ],
    ids=["on sale", "withdrawn", "over"],
)
async def test_an_ended_order_leads_to_its_ticket_if_it_may_be_on_sale_again(
    shop: Shop, events: list[Event], next_step: str
) -> None:
    created, cancelled, _ = order_events(events[0].id, buyer=BUYER)
    await shop.follow(*events, created, cancelled)
    page = (await shop.get(f"/orders/{created.id}", BUYER)).text
    assert re.findall(r'<p><a class="button" href="[^"]+">([^<]+)</a></p>', page) == [next_step]


@pytest.mark.parametrize(("minutes", "is_up"), [(1, False), (-1, True)])
async def test_an_order_whose_time_is_over_says_so_at_once(shop: Shop, minutes: int, is_up: bool) -> None:
    """The scripts of the page say it later."""
    created, _, _ = order_events(TICKET.id, buyer=BUYER, due_in=timedelta(minutes=minutes))
    await shop.follow(TICKET, created)
    page = (await shop.get(f"/orders/{created.id}", BUYER)).text
    assert (_TIME_UP in page) == is_up
