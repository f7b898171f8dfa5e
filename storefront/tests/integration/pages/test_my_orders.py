"""The list of one's own orders says what each order is about, and what has become of it."""

import re
from html import unescape

import pytest
from storefront.tests.shop import Shop

from common.domain.event import Event
from common.domain.ids import made_at
from common.events.payments import PaymentRefunded
from common.events.tickets import Place
from devkit.testing.running import somebody
from devkit.testing.samples import captured_payment, listed_ticket, order_events
from storefront.formats import iso

BUYER = somebody()
LISTED = listed_ticket(starts_at="2027-05-01T20:00:00+02:00")
TICKET = LISTED.model_copy(update={"venue": "Arena di Verona", "place": Place(section="Gradinata", row="12")})
CREATED, CANCELLED, COMPLETED = order_events(TICKET.id, buyer=BUYER)
PAID = captured_payment(CREATED.id)
REFUNDED = PaymentRefunded.model_validate(PAID.model_dump() | {"version": 3, "status": "refunded"})


def _cancelled(reason: str) -> Event:
    return CANCELLED.model_copy(update={"cancel_reason": reason})


async def _row(shop: Shop, *events: Event) -> str:
    """Return the text of the only order in the list, after these events."""
    await shop.follow(*events)
    page = (await shop.get("/orders", BUYER)).text
    (row,) = re.findall(r'<li class="row-item.*?</li>', page, re.DOTALL)
    return str(row)


async def test_an_order_says_what_where_when_and_for_how_much(shop: Shop) -> None:
    row = await _row(shop, TICKET, CREATED)
    text = " ".join(unescape(re.sub(r"<[^>]+>", " ", row)).split())
    assert "Concert Sat 1 May 2027, 20:00 UTC+2 Arena di Verona Section Gradinata , Row 12 Ordered" in text
    assert f'Ordered <time datetime="{iso(made_at(CREATED.id))}"' in row
    assert "To pay until" in text
    assert "$19.99" in text


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([CREATED, PAID], "Payment received"),
        ([PAID, COMPLETED], "Paid"),
        ([CANCELLED], "Cancelled"),
        ([_cancelled("buyer")], "Given up"),
        ([_cancelled("expired")], "Not paid in time"),
        ([_cancelled("withdrawn")], "Withdrawn by the seller"),
        ([PAID, _cancelled("expired")], "Not paid in time Refund under way"),
        ([PAID, REFUNDED, _cancelled("expired")], "Not paid in time Refunded"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_order_says_its_state_in_words(shop: Shop, events: list[Event], state: str) -> None:
    """Also if the events of its ticket have not arrived."""
    row = await _row(shop, *events)
    (shown,) = re.findall(r'<span class="availability">(.*?)</span>\s*</span>\s*<span class="price">', row, re.DOTALL)
    assert " ".join(re.sub(r"<[^>]+>", " ", shown).split()) == state
