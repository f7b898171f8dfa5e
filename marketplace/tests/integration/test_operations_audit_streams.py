"""The audit reads the streams: events without an owner, contradictory events, and states that are published again."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from marketplace.tests.integration.operated import an_operator
from nats.js import JetStreamContext
from nats.js.errors import ServiceUnavailableError

from common.domain.clock import utc_now
from common.domain.event import Event
from common.domain.ids import OrderId, UserId, new_id
from common.events.catalog import EXAMPLES
from common.events.envelope import MESSAGE_ID, REPUBLISHED, StagedEvent
from devkit.testing.events import EventStreams
from devkit.testing.running import Surroundings
from devkit.testing.samples import listed_ticket
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


async def test_the_audit_waits_while_a_cluster_elects_a_leader(
    operator: Operator, streams: EventStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NATS then answers that nobody can serve the consumer with which the audit reads."""
    await streams.publish(listed_ticket())
    fetch, refusals = JetStreamContext.PullSubscription.fetch, [ServiceUnavailableError(), ServiceUnavailableError()]

    async def refused_at_first(subscription: Any, *args: Any, **kwargs: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return await fetch(subscription, *args, **kwargs)

    monkeypatch.setattr(JetStreamContext.PullSubscription, "fetch", refused_at_first)
    report = await audit(operator, settle_seconds=0)
    assert len(report.differences) == 1
    assert refusals == []
