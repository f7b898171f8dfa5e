"""A ticket is shown on sale only if no order can hold it, in whatever order the events arrive."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from common.domain.event import Event
from common.domain.ids import OrderId
from common.events.orders import OrderEvent
from common.events.tickets import TicketEvent, TicketUpdated, TicketWithdrawn
from devkit.testing.samples import listed_ticket, order_events
from storefront.offer import Availability, Offer, offer_of
from storefront.order_read_model import OrderReadModel
from storefront.ticket_read_model import TicketReadModel

NOW = datetime(2027, 1, 1, tzinfo=UTC)
LISTED = listed_ticket()
CREATED, CANCELLED, _completed = order_events(LISTED.id)
SECOND, _cancelled, COMPLETED = order_events(LISTED.id)


def holder(version: int, order: OrderEvent | None, fact: type[TicketEvent] = TicketUpdated) -> TicketEvent:
    state = LISTED.model_dump() | {"version": version, "order_id": OrderId(order.id) if order else None}
    return fact.model_validate(state)


HELD, FREE, HELD_AGAIN = holder(2, CREATED), holder(3, None), holder(4, SECOND)
WITHDRAWN = holder(5, SECOND, TicketWithdrawn)


def after(*events: Event) -> Offer | None:
    """Return the offer after these events have arrived in this order, or None as long as the ticket is unknown."""
    tickets: dict[str, TicketReadModel] = {}
    orders: dict[str, OrderReadModel] = {}
    for event in events:
        if isinstance(event, TicketEvent):
            _keep_newest(tickets, TicketReadModel.from_event(event))
        else:
            _keep_newest(orders, OrderReadModel.from_event(event))
    return offer_of(tickets[LISTED.id], orders.values(), NOW) if tickets else None


def _keep_newest(copies: dict[str, Any], copy: TicketReadModel | OrderReadModel) -> None:
    if copy.id not in copies or copies[copy.id].version < copy.version:
        copies[copy.id] = copy


def arrivals(events: list[Event]) -> Iterator[tuple[Event, ...]]:
    """Yield every order of arrival, and every part of it, because a page may be read at any moment."""
    for order in permutations(events):
        for count in range(1, len(order) + 1):
            yield order[:count]


def test_a_ticket_whose_sale_has_arrived_is_never_shown_on_sale() -> None:
    events: list[Event] = [LISTED, HELD, FREE, HELD_AGAIN, CREATED, CANCELLED, COMPLETED]
    for arrived in arrivals(events):
        offer = after(*arrived)
        if offer and COMPLETED in arrived:
            assert offer.availability is Availability.SOLD, arrived


def test_a_ticket_whose_open_order_has_arrived_is_never_shown_on_sale() -> None:
    for arrived in arrivals([LISTED, HELD, CREATED]):
        offer = after(*arrived)
        if offer and (CREATED in arrived or HELD in arrived):
            assert offer.availability is Availability.HELD, arrived


def test_a_ticket_is_on_sale_again_as_soon_as_its_order_is_known_to_be_cancelled() -> None:
    for arrived in arrivals([LISTED, HELD, CREATED, CANCELLED, FREE]):
        offer = after(*arrived)
        if offer and (CANCELLED in arrived or FREE in arrived):
            is_open = CREATED in arrived and CANCELLED not in arrived
            assert offer.availability is (Availability.HELD if is_open else Availability.ON_SALE), arrived


@pytest.mark.parametrize(
    ("order", "state"),
    [(CREATED, Availability.HELD), (COMPLETED, Availability.SOLD), (None, Availability.WITHDRAWN)],
    ids=["open order", "sold", "no order"],
)
def test_a_withdrawn_ticket_is_never_shown_on_sale(order: OrderEvent | None, state: Availability) -> None:
    offer = after(LISTED, WITHDRAWN, *([order] if order else []))
    assert offer is not None
    assert offer.availability is state


@pytest.mark.parametrize(("year", "state"), [(2026, Availability.OVER), (2028, Availability.ON_SALE)])
def test_a_ticket_whose_event_has_begun_is_off_sale(year: int, state: Availability) -> None:
    ticket = TicketReadModel.from_event(listed_ticket(starts_at=f"{year}-05-01T20:00:00+02:00"))
    assert offer_of(ticket, [], NOW).availability is state


def test_an_order_of_another_ticket_does_not_count() -> None:
    other, _, _ = order_events(listed_ticket().id)
    offer = after(LISTED, other)
    assert offer is not None
    assert (offer.availability, offer.order) == (Availability.ON_SALE, None)


def test_only_the_time_of_an_open_order_is_shown() -> None:
    held, sold, unknown = after(LISTED, CREATED), after(LISTED, COMPLETED), after(LISTED, HELD)
    assert held
    assert sold
    assert unknown
    assert (held.held_until, sold.held_until, unknown.held_until) == (CREATED.expires_at, None, None)
    assert held.is_held_by(CREATED.user_id)
    assert not held.is_held_by(None)
