"""The audit reads the streams: events without an owner, contradictory events, and states that are published again."""

from collections.abc import AsyncIterator

import pytest
from marketplace.tests.integration.operated import an_operator

from common.domain.clock import utc_now
from common.domain.event import Event
from common.domain.ids import OrderId, UserId, new_id
from common.events.catalog import EXAMPLES
from common.events.envelope import MESSAGE_ID, REPUBLISHED, StagedEvent
from devkit.testing.events import EventStreams
from devkit.testing.running import Surroundings
from marketplace.operations.audit import audit
from marketplace.operations.operator import Operator
from marketplace.operations.stored_data import AGGREGATES
from tickets.ticket import Ticket

TICKETS = "tickets tickets equal their events"


@pytest.fixture
async def operator(surroundings: Surroundings, streams: EventStreams) -> AsyncIterator[Operator]:
    async with an_operator(surroundings) as connection:
        yield connection


async def found(operator: Operator, rule: str) -> list[tuple[str | None, str]]:
    report = await audit(operator, settle_seconds=0)
    return [(each.subject, each.detail) for each in report.differences if each.rule == rule]


async def store(operator: Operator, ticket: Ticket) -> None:
    await operator.databases["tickets"]["tickets"].insert_one({**ticket.to_document(), "outbox": []})


def a_changed_ticket() -> Ticket:
    seller = UserId(new_id())
    ticket = Ticket.list_for_sale(seller=seller, title="Concert", price=1999)
    ticket.change_listing(by=seller, title="Opera", price=50000)
    return ticket


async def test_all_databases_are_lost_and_the_stream_is_kept(operator: Operator, streams: EventStreams) -> None:
    """The audit once said that everything agrees. Then a rebuild brought back tickets that could be bought."""
    events = {event.aggregate: event for event in EXAMPLES if isinstance(event, Event)}
    await streams.publish(*events.values())
    report = await audit(operator, settle_seconds=0)
    assert {(each.rule, each.subject) for each in report.differences} == {
        (owned.rule, events[owned.events[0].aggregate].id) for owned in AGGREGATES
    }


async def test_a_ticket_that_was_restored_and_changed_again_has_two_different_events(
    operator: Operator, streams: EventStreams
) -> None:
    """Version 2 cost 500.00 before the restore, and costs 15.00 now: a buyer could pay the old price."""
    ticket = a_changed_ticket()
    listed, changed = ticket.recorded
    again = ticket.model_copy(update={"price": 1500})
    await streams.publish(listed, changed)
    await streams.publish_again(listed)
    await streams.publish_again(again.current_event())
    await store(operator, again)
    assert await found(operator, TICKETS) == [(ticket.id, "has two different events of version 2")]


async def test_events_before_a_state_that_was_published_again_are_not_lost(
    operator: Operator, streams: EventStreams
) -> None:
    """The stream was lost, and the owner has published its present state again."""
    ticket = a_changed_ticket()
    ticket.set_holder(OrderId(new_id()))
    await store(operator, ticket)
    staged = StagedEvent.stage(ticket.current_event(), utc_now())
    headers = {**staged.headers, REPUBLISHED: "true", MESSAGE_ID: new_id()}
    await streams.publish(ticket.current_event())
    assert await found(operator, TICKETS) == [
        (ticket.id, "its event of version 1, 2 is neither in the stream nor in its outbox")
    ]
    await streams.publish_bytes(staged.subject, staged.data.encode(), headers)
    assert await found(operator, TICKETS) == []
