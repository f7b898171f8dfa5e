"""What has an event, or is about to have one, and what has lost it."""

from typing import Any

from auth.user import User
from common.aggregate import Aggregate
from common.clock import utc_now
from common.ids import UserId, new_id
from common.messaging.envelope import StagedEvent
from marketplace.operations.histories import Histories
from marketplace.operations.replicas import TICKETS, USERS
from tickets.ticket import Ticket


def stored(aggregate: Aggregate) -> dict[str, Any]:
    """As its service writes it: the change and its events in one document."""
    outbox = [StagedEvent.stage(event, utc_now()).to_document() for event in aggregate.recorded]
    return {**aggregate.to_document(), "outbox": outbox}


def changed_ticket() -> Ticket:
    seller = UserId(new_id())
    ticket = Ticket.list_for_sale(seller=seller, title="Concert", price=1999)
    ticket.change_listing(by=seller, title="Opera", price=2500)
    return ticket


def test_an_event_that_is_still_in_the_outbox_is_not_lost() -> None:
    assert list(Histories().differences(TICKETS, stored(changed_ticket()))) == []
    assert list(Histories().differences(USERS, stored(User.register(email="a@example.com", password_hash="x")))) == []


def test_an_event_that_is_nowhere_is_lost() -> None:
    document = stored(changed_ticket())
    first, second = document["outbox"]
    assert list(Histories().differences(TICKETS, {**document, "outbox": [second]})) == [
        "its event of version 1 is neither in the stream nor in its outbox"
    ]
    assert list(Histories().differences(TICKETS, {**document, "outbox": [first]})) == [
        "its event of version 2 is neither in the stream nor in its outbox"
    ]
    assert list(Histories().differences(TICKETS, {**document, "outbox": []})) == [
        "there is no event of it, neither in the stream nor in its outbox"
    ]


def test_an_event_that_says_something_else_is_told_field_by_field() -> None:
    document = {**stored(changed_ticket()), "price": 1}
    assert list(Histories().differences(TICKETS, document)) == ["price is 1, but 2500 in its newest event"]
