"""The scenario *Live pages* knows from the events what each ticket was, and since when."""

from datetime import UTC, datetime

from common.domain.event import Event
from common.domain.ids import TicketId, UserId
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated, OrderedTicket, OrderEvent
from common.events.tickets import TicketCreated, TicketEvent, TicketUpdated, TicketWithdrawn
from faults.live_truth import PRICE, STATE, Spell, history_of

_FOR_EVER = float("inf")


def test_each_state_lasts_until_the_next_event_that_changes_it() -> None:
    published = [_ticket(TicketCreated), _order(OrderCreated), _ticket(TicketUpdated), _order(OrderCompleted)]
    assert _states(*published) == [Spell("on-sale", 0, 1), Spell("held", 1, 3), Spell("sold", 3, _FOR_EVER)]


def test_between_two_orders_the_ticket_was_on_sale() -> None:
    published = [_ticket(TicketCreated), _order(OrderCreated), _order(OrderCancelled), _order(OrderCreated, "other")]
    assert [spell.value for spell in _states(*published)] == ["on-sale", "held", "on-sale", "held"]


def test_a_cancellation_ends_only_its_own_order() -> None:
    """The next order can have been made just before the cancellation, and written just after it."""
    published = [_ticket(TicketCreated), _order(OrderCreated), _order(OrderCreated, "other"), _order(OrderCancelled)]
    assert _states(*published) == [Spell("on-sale", 0, 1), Spell("held", 1, _FOR_EVER)]


def test_a_withdrawn_ticket_stays_withdrawn_unless_an_order_holds_it() -> None:
    withdrawn = [_ticket(TicketCreated), _ticket(TicketWithdrawn), _ticket(TicketUpdated)]
    assert _states(*withdrawn) == [Spell("on-sale", 0, 1), Spell("withdrawn", 1, _FOR_EVER)]
    assert _states(*withdrawn, _order(OrderCompleted))[-1] == Spell("sold", 3, _FOR_EVER)


def test_a_price_changes_with_the_listing() -> None:
    published = [_ticket(TicketCreated), _ticket(TicketUpdated, price=2500), _ticket(TicketWithdrawn, price=2500)]
    history = history_of(enumerate(published), {"t"})
    assert history["t", PRICE] == [Spell("19.90", 0, 1), Spell("25.00", 1, _FOR_EVER)]


def test_events_count_in_the_order_of_their_times_and_only_those_of_the_tickets_asked_for() -> None:
    published = [(2.0, _order(OrderCreated)), (1.0, _ticket(TicketCreated)), (3.0, _ticket(TicketCreated, "another"))]
    history = history_of(published, {"t"})
    assert {ticket for ticket, _ in history} == {"t"}
    assert history["t", STATE] == [Spell("on-sale", 1, 2), Spell("held", 2, _FOR_EVER)]


def _states(*published: Event) -> list[Spell]:
    """Return the states of the ticket after these events, one each second."""
    return history_of(enumerate(published), {"t"})["t", STATE]


def _ticket(event: type[TicketEvent], ticket_id: str = "t", price: int = 1990) -> TicketEvent:
    return event(id=ticket_id, version=1, title="Concert", price=price, user_id=UserId("seller"))


def _order(event: type[OrderEvent], order_id: str = "order") -> OrderEvent:
    return event(
        id=order_id,
        version=1,
        status="",
        user_id=UserId("buyer"),
        expires_at=datetime(2026, 1, 1, tzinfo=UTC),
        ticket=OrderedTicket(id=TicketId("t"), title="Concert", price=1990),
    )
