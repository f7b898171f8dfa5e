"""The audit compares aggregates with their events in the stream and in the outbox."""

from typing import Any

from auth.user import User
from common.domain.aggregate import Aggregate
from common.domain.clock import utc_now
from common.domain.ids import OrderId, UserId, new_id
from common.events.envelope import StagedEvent
from devkit.testing.samples import order_events
from expiration.deadline import Deadline
from marketplace.operations.histories import Histories
from marketplace.operations.stored_data import owned
from payments.gateway.protocol import ChargeId
from payments.payment import Payment
from tickets.ticket import Ticket


def stored(aggregate: Aggregate[Any]) -> dict[str, Any]:
    """As its service writes it: the change and its events in one document."""
    outbox = [StagedEvent.stage(event, utc_now()).to_document() for event in aggregate.recorded]
    return {**aggregate.to_document(), "outbox": outbox}


def changed_ticket() -> Ticket:
    seller = UserId(new_id())
    ticket = Ticket.list_for_sale(seller=seller, title="Concert", price=1999)
    ticket.change_listing(by=seller, title="Opera", price=2500)
    return ticket


def test_an_event_that_is_still_in_the_outbox_is_not_lost() -> None:
    assert list(Histories().differences(owned("tickets"), stored(changed_ticket()))) == []
    assert (
        list(Histories().differences(owned("auth"), stored(User.register(email="a@example.com", password_hash="x"))))
        == []
    )


def test_an_event_that_is_neither_stored_nor_staged_is_lost() -> None:
    document = stored(changed_ticket())
    first, second = document["outbox"]
    assert list(Histories().differences(owned("tickets"), {**document, "outbox": [second]})) == [
        "its event of version 1 is neither in the stream nor in its outbox"
    ]
    assert list(Histories().differences(owned("tickets"), {**document, "outbox": [first]})) == [
        "its event of version 2 is neither in the stream nor in its outbox"
    ]
    assert list(Histories().differences(owned("tickets"), {**document, "outbox": []})) == [
        "has no event, neither in the stream nor in its outbox"
    ]


def test_an_event_that_differs_is_reported_field_by_field() -> None:
    document = {**stored(changed_ticket()), "price": 1}
    assert list(Histories().differences(owned("tickets"), document)) == ["price is 1, but 2500 in its newest event"]


def test_an_owner_that_is_behind_its_own_events_is_found() -> None:
    document = {**stored(changed_ticket()), "version": 1, "title": "Concert", "price": 1999}
    assert list(Histories().differences(owned("tickets"), document)) == [
        "is at version 1, but its newest event has version 2"
    ]


def test_an_owner_whose_status_contradicts_its_event_is_found() -> None:
    payment = Payment.begin(
        order_id=OrderId(new_id()), buyer=UserId(new_id()), amount=1999, token="pm_card_visa", now=utc_now()
    )
    payment.capture(ChargeId("ch_1"))
    document = {**stored(payment), "status": "pending"}
    assert list(Histories().differences(owned("payments"), document)) == [
        "is pending, but the stream has an event of its version 2"
    ]


def test_only_a_completed_deadline_must_have_an_event() -> None:
    created, _, _ = order_events(new_id())
    deadline = Deadline.of_order(created)
    assert list(Histories().differences(owned("expiration"), stored(deadline))) == []
    deadline.complete()
    assert list(Histories().differences(owned("expiration"), stored(deadline))) == []
    assert list(Histories().differences(owned("expiration"), {**stored(deadline), "outbox": []})) == [
        "has no event, neither in the stream nor in its outbox"
    ]
