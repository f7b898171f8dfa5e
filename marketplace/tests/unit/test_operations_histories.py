"""The audit compares aggregates with their events in the stream and in the outbox."""

import json
from pathlib import Path
from typing import Any

import pytest

from auth.user import User
from common.domain.aggregate import Aggregate
from common.domain.clock import utc_now
from common.domain.event import Event
from common.domain.ids import OrderId, UserId, new_id
from common.events.envelope import REPUBLISHED, StagedEvent, decode_event
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


def test_an_owner_whose_newest_event_has_another_type_is_found() -> None:
    """Only the type of the event says that a ticket is withdrawn."""
    ticket = Ticket.list_for_sale(seller=UserId(new_id()), title="Concert", price=1999)
    ticket.withdraw(by=ticket.user_id)
    assert list(Histories().differences(owned("tickets"), stored(ticket))) == []
    document = {**stored(ticket), "withdrawn": False}
    assert list(Histories().differences(owned("tickets"), document)) == [
        "its newest event is ticket.withdrawn, but should be ticket.updated"
    ]


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


TWO_FACTS = "has two different events of version 2"


def restored_and_changed_again() -> tuple[Ticket, Ticket]:
    """Return the ticket at its lost version 2, and at the version 2 that it got after a restore of version 1."""
    lost = changed_ticket()
    again = lost.model_copy(update={"title": "Ballet", "price": 1500})
    return lost, again


def published(*tickets: Ticket) -> Histories:
    histories = Histories()
    first = tickets[0].recorded[0]
    for event in (first, *(ticket.current_event() for ticket in tickets)):
        histories.add(event)
    return histories


def test_two_different_events_of_one_version_are_found() -> None:
    """A ticket is restored from a backup and changed again: one event id stands for two facts."""
    lost, again = restored_and_changed_again()
    document = {**again.to_document(), "outbox": []}
    assert list(published(lost, again).differences(owned("tickets"), document)) == [TWO_FACTS]


def test_an_event_that_is_published_twice_is_no_contradiction() -> None:
    ticket = changed_ticket()
    assert list(published(ticket, ticket).differences(owned("tickets"), stored(ticket))) == []


def test_an_event_in_the_outbox_that_contradicts_the_stream_is_found() -> None:
    """The stream takes it for a duplicate of the event that it has, so no other service learns the new price."""
    lost, again = restored_and_changed_again()
    histories = published(lost)
    document = {**again.to_document(), "outbox": [StagedEvent.stage(again.current_event(), utc_now()).to_document()]}
    assert list(histories.differences(owned("tickets"), document)) == [TWO_FACTS]
    assert list(histories.differences(owned("tickets"), {**lost.to_document(), "outbox": []})) == []


def test_an_optional_field_that_an_older_event_lacks_is_no_contradiction() -> None:
    golden = Path(__file__).parents[3] / "common/tests/golden/order.created.v1.json"
    older = json.loads(golden.read_text())
    newer = {**older, "paymentId": None, "ticket": {**older["ticket"], "version": None}}
    histories = Histories()
    for fact, each in (("created", older), ("cancelled", {**older, "version": 2}), ("created", newer)):
        histories.add(decode_event(f"order.{fact}.{older['id']}", json.dumps(each).encode()))
    assert histories._by_aggregate["order"][older["id"]].unsettled == []


def a_captured_payment() -> Payment:
    payment = Payment.begin(
        order_id=OrderId(new_id()), buyer=UserId(new_id()), amount=1999, token="pm_card_visa", now=utc_now()
    )
    payment.capture(ChargeId("ch_1"))
    return payment


def event_of_an_older_version(payment: Payment) -> Event:
    """Return the event that the service published before its events had the id of the charge."""
    event = payment.recorded[0]
    older = json.loads(event.to_json())
    del older["chargeId"]
    return decode_event(event.subject, json.dumps(older).encode())


def test_an_event_that_lacks_a_newer_field_does_not_differ_from_its_owner() -> None:
    payment = a_captured_payment()
    histories = Histories()
    histories.add(event_of_an_older_version(payment))
    document = {**payment.to_document(), "outbox": []}
    assert list(histories.differences(owned("payments"), document)) == []


@pytest.mark.parametrize(("amount", "differences"), [(1999, []), (1, [TWO_FACTS])])
def test_a_state_that_is_published_again_with_a_newer_field_is_no_contradiction(
    amount: int, differences: list[str]
) -> None:
    payment = a_captured_payment()
    histories = Histories()
    histories.add(event_of_an_older_version(payment))
    again = payment.model_copy(update={"amount": amount})
    event = again.current_event()
    assert event is not None
    histories.add(event, republished=True)
    assert list(histories.differences(owned("payments"), {**again.to_document(), "outbox": []})) == differences


def test_events_before_a_republished_state_are_not_lost() -> None:
    """The stream was lost. The owner has published its present state again, so nobody needs the older events."""
    ticket = changed_ticket()
    ticket.set_holder(OrderId(new_id()))
    histories = Histories()
    histories.add(ticket.current_event(), republished=True)
    ticket.set_holder(None)
    ticket.set_holder(OrderId(new_id()))
    histories.add(ticket.current_event())
    document = {**ticket.to_document(), "outbox": []}
    assert list(histories.differences(owned("tickets"), document)) == [
        "its event of version 4 is neither in the stream nor in its outbox"
    ]


def test_a_republished_state_that_is_still_in_the_outbox_counts() -> None:
    ticket = changed_ticket()
    staged = StagedEvent.stage(ticket.current_event(), utc_now()).to_document()
    staged["headers"][REPUBLISHED] = "true"
    assert list(Histories().differences(owned("tickets"), {**ticket.to_document(), "outbox": [staged]})) == []


def test_a_contradiction_counts_until_a_newer_state_is_republished() -> None:
    """Of two events of version 2, a consumer keeps the first. It ignores a republished version 2, but not version 3."""
    lost, again = restored_and_changed_again()
    histories = published(lost)
    histories.add(again.current_event(), republished=True)
    document = {**again.to_document(), "outbox": []}
    assert list(histories.differences(owned("tickets"), document)) == [TWO_FACTS]
    again.set_holder(OrderId(new_id()))
    histories.add(again.current_event(), republished=True)
    assert list(histories.differences(owned("tickets"), {**again.to_document(), "outbox": []})) == []
