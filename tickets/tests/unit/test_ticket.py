"""The ticket aggregate: which changes it allows, and their events."""

import pytest

from common.domain.ids import OrderId, UserId, new_id
from common.domain.zoned_time import zoned_time
from common.events.tickets import Place, TicketCreated, TicketUpdated, TicketWithdrawn
from tickets.ticket import Details, NotTheSeller, Ticket, TicketHeld

SELLER = UserId(new_id())
ORDER = OrderId(new_id())
DETAILS = Details(
    venue="Arena di Verona",
    starts_at=zoned_time("2027-05-01T20:00:00+02:00"),
    place=Place(section="Gradinata", row="12", seat="7"),
)


@pytest.fixture
def ticket() -> Ticket:
    """A ticket that is listed and stored."""
    ticket = Ticket.list_for_sale(seller=SELLER, title="Concert", price=1999)
    ticket.mark_stored()
    return ticket


def test_a_listed_ticket_is_free_and_its_event_has_its_whole_state() -> None:
    ticket = Ticket.list_for_sale(seller=SELLER, title="Concert", price=1999)
    assert (ticket.order_id, ticket.version, ticket.stored_version) == (None, 1, 0)
    assert ticket.recorded == [
        TicketCreated(id=ticket.id, version=1, title="Concert", price=1999, user_id=SELLER, order_id=None)
    ]


def test_a_seller_can_change_a_listing(ticket: Ticket) -> None:
    ticket.change_listing(by=SELLER, title="Opera", price=2500)
    assert (ticket.title, ticket.price, ticket.version, ticket.stored_version) == ("Opera", 2500, 2, 1)
    assert ticket.recorded == [TicketUpdated(id=ticket.id, version=2, title="Opera", price=2500, user_id=SELLER)]


def test_a_listing_says_where_and_when_the_event_is_and_its_event_too() -> None:
    ticket = Ticket.list_for_sale(seller=SELLER, title="Concert", price=1999, details=DETAILS)
    (event,) = ticket.recorded
    for each in (ticket, event, Ticket.from_document(ticket.to_document()), Ticket.from_event(event)):
        assert (each.venue, each.starts_at, each.place) == (DETAILS.venue, DETAILS.starts_at, DETAILS.place)


def test_a_change_replaces_all_details_and_a_hold_keeps_them(ticket: Ticket) -> None:
    ticket.change_listing(by=SELLER, title="Concert", price=1999, details=DETAILS)
    ticket.set_holder(ORDER)
    ticket.set_holder(None)
    ticket.change_listing(by=SELLER, title="Concert", price=1999)
    assert [event.starts_at for event in ticket.recorded] == [*[DETAILS.starts_at] * 3, None]
    assert (ticket.venue, ticket.starts_at, ticket.place) == (None, None, None)


def test_no_other_user_can_change_a_listing(ticket: Ticket) -> None:
    before = ticket.to_document()
    with pytest.raises(NotTheSeller):
        ticket.change_listing(by=UserId(new_id()), title="Opera", price=2500)
    assert (ticket.to_document(), ticket.recorded) == (before, [])


def test_a_held_ticket_is_not_changed_even_by_its_seller(ticket: Ticket) -> None:
    ticket.set_holder(ORDER)
    ticket.mark_stored()
    before = ticket.to_document()
    with pytest.raises(TicketHeld):
        ticket.change_listing(by=SELLER, title="Opera", price=2500)
    assert (ticket.to_document(), ticket.recorded) == (before, [])


def test_another_user_does_not_learn_whether_a_ticket_is_held(ticket: Ticket) -> None:
    ticket.set_holder(ORDER)
    with pytest.raises(NotTheSeller):
        ticket.change_listing(by=UserId(new_id()), title="Opera", price=2500)


def test_each_hold_and_each_release_records_an_event(ticket: Ticket) -> None:
    ticket.set_holder(ORDER)
    ticket.set_holder(None)
    assert [(type(event), event.version, event.order_id) for event in ticket.recorded] == [
        (TicketUpdated, 2, ORDER),
        (TicketUpdated, 3, None),
    ]


def test_a_released_ticket_can_be_changed_again(ticket: Ticket) -> None:
    ticket.set_holder(ORDER)
    ticket.set_holder(None)
    ticket.change_listing(by=SELLER, title="Opera", price=2500)
    assert (ticket.title, ticket.version) == ("Opera", 4)


def test_a_ticket_read_from_its_document_is_unchanged(ticket: Ticket) -> None:
    ticket.set_holder(ORDER)
    again = Ticket.from_document(ticket.to_document())
    assert again.to_document() == ticket.to_document()
    assert (again.stored_version, again.recorded) == (2, [])


def test_a_withdrawn_ticket_publishes_its_withdrawal_once(ticket: Ticket) -> None:
    ticket.withdraw(by=SELLER)
    ticket.withdraw(by=SELLER)
    assert ticket.withdrawn
    assert ticket.recorded == [TicketWithdrawn(id=ticket.id, version=2, title="Concert", price=1999, user_id=SELLER)]
    assert ticket.current_event() == ticket.recorded[0]


def test_no_other_user_can_withdraw_a_ticket_even_again(ticket: Ticket) -> None:
    for _ in range(2):
        with pytest.raises(NotTheSeller):
            ticket.withdraw(by=UserId(new_id()))
        ticket.withdraw(by=SELLER)
    assert ticket.version == 2


def test_a_held_ticket_is_not_withdrawn_even_by_its_seller(ticket: Ticket) -> None:
    ticket.set_holder(ORDER)
    ticket.mark_stored()
    with pytest.raises(TicketHeld):
        ticket.withdraw(by=SELLER)
    assert (ticket.withdrawn, ticket.version, ticket.recorded) == (False, 2, [])


def test_a_withdrawn_ticket_says_so_with_each_change_of_its_holder(ticket: Ticket) -> None:
    ticket.withdraw(by=SELLER)
    ticket.set_holder(ORDER)
    ticket.set_holder(None)
    assert [(type(event), event.version, event.order_id) for event in ticket.recorded] == [
        (TicketWithdrawn, 2, None),
        (TicketWithdrawn, 3, ORDER),
        (TicketWithdrawn, 4, None),
    ]


def test_a_completed_order_has_bought_even_a_withdrawn_ticket(ticket: Ticket) -> None:
    ticket.withdraw(by=SELLER)
    ticket.sell_to(ORDER)
    assert not ticket.withdrawn
    assert ticket.recorded[-1] == ticket.current_event()
    assert (type(ticket.recorded[-1]), ticket.recorded[-1].order_id) == (TicketUpdated, ORDER)
    with pytest.raises(TicketHeld):
        ticket.withdraw(by=SELLER)


def test_a_document_of_an_older_version_is_not_withdrawn(ticket: Ticket) -> None:
    document = ticket.to_document()
    del document["withdrawn"]
    assert not Ticket.from_document(document).withdrawn


@pytest.mark.parametrize("event_type", [TicketCreated, TicketUpdated, TicketWithdrawn])
def test_a_ticket_restored_from_an_event_is_withdrawn_if_the_event_says_so(
    ticket: Ticket, event_type: type[TicketCreated | TicketUpdated | TicketWithdrawn]
) -> None:
    """An update of a document writes only the fields that are set, so this field must be among them."""
    restored = Ticket.from_event(ticket.to_event(event_type))
    assert restored.model_dump(exclude_unset=True)["withdrawn"] is (event_type is TicketWithdrawn)
