"""One event id stands for one fact. The stream compares only the ids of two events, so the publisher compares the rest.

A ticket that was restored to version 1, and then changed again, had a second event of version 2. The stream took it for
a duplicate, so nobody learned the new price.
"""

import pytest
from common.tests.outboxes import UnreliablePublisher, in_outboxes, leave_behind
from structlog.testing import capture_logs

from common.domain.clock import utc_now
from common.domain.event import Event
from common.events.envelope import StagedEvent
from common.events.orders import OrderCancelled, OrderCompleted
from common.events.tickets import TicketUpdated
from common.messaging.outbox_relay import OutboxRelay
from common.messaging.publisher import EventIdTaken, Publisher
from common.storage.mongo import Mongo
from devkit.testing.events import EventStreams
from devkit.testing.samples import changed_ticket, listed_ticket, order_events


async def publish(streams: EventStreams, event: Event) -> None:
    await Publisher(streams.broker).publish(StagedEvent.stage(event, utc_now()))


async def test_another_event_with_the_same_id_is_refused(streams: EventStreams) -> None:
    ticket = listed_ticket()
    await publish(streams, changed_ticket(ticket, 2, price=50000))
    with pytest.raises(EventIdTaken):
        await publish(streams, changed_ticket(ticket, 2, price=1500))


async def test_another_event_with_the_id_of_an_earlier_version_is_refused(streams: EventStreams) -> None:
    """The ticket was changed twice before its database was restored, so the stream has a newer event, too."""
    ticket = listed_ticket()
    for version in (2, 3):
        await publish(streams, changed_ticket(ticket, version, price=50000))
    with pytest.raises(EventIdTaken):
        await publish(streams, changed_ticket(ticket, 2, price=1500))


async def test_an_id_stays_taken_although_its_aggregate_publishes_a_newer_event(
    mongo: Mongo, streams: EventStreams
) -> None:
    """For example, an order of the ticket gives the ticket a new version."""
    listings, ticket = mongo.database["listings"], listed_ticket()
    await publish(streams, changed_ticket(ticket, 2, price=50000))
    await leave_behind(listings, changed_ticket(ticket, 2, price=1500))
    relay = OutboxRelay(Publisher(streams.broker))
    relay.add_collection(listings)
    await relay.poll()
    await publish(streams, changed_ticket(ticket, 3, price=1500))
    await relay.poll()
    assert await in_outboxes(listings) == [ticket.id]


async def test_another_kind_of_event_with_the_same_id_is_refused(streams: EventStreams) -> None:
    _, cancelled, completed = order_events(listed_ticket().id)
    await publish(streams, completed)
    with pytest.raises(EventIdTaken):
        await publish(streams, cancelled)
    assert (await streams.published(OrderCompleted), await streams.published(OrderCancelled)) == ([completed], [])


async def test_another_kind_of_event_with_the_same_id_and_content_is_refused(streams: EventStreams) -> None:
    ticket = listed_ticket()
    await publish(streams, ticket)
    as_updated = {"subject": f"ticket.updated.{ticket.id}"}
    with pytest.raises(EventIdTaken):
        await Publisher(streams.broker).publish(StagedEvent.stage(ticket, utc_now()).model_copy(update=as_updated))


async def test_the_same_event_may_be_published_again(streams: EventStreams) -> None:
    """For example after a crash, also if the aggregate has a newer event, or the text of the payload is different."""
    ticket = listed_ticket()
    second, third = changed_ticket(ticket, 2), changed_ticket(ticket, 3)
    await publish(streams, second)
    as_text = StagedEvent.stage(second, utc_now())
    await Publisher(streams.broker).publish(as_text.model_copy(update={"data": as_text.data.replace(",", ", ")}))
    await publish(streams, third)
    await publish(streams, second)
    assert await streams.published(TicketUpdated) == [second, third]


async def test_an_event_with_a_taken_id_stays_in_its_outbox_until_it_is_removed(
    mongo: Mongo, streams: EventStreams
) -> None:
    """It is not tried again: after 10 minutes, the stream would store it as a second fact."""
    listings, publisher, ticket = mongo.database["listings"], UnreliablePublisher(streams.broker), listed_ticket()
    await publish(streams, changed_ticket(ticket, 2, price=50000))
    await leave_behind(listings, changed_ticket(ticket, 2, price=1500))
    relay = OutboxRelay(publisher)
    relay.add_collection(listings)
    with capture_logs() as logs:
        assert await relay.poll() == 0
        assert await relay.poll() == 0
    assert publisher.tried == [ticket.id]
    assert await in_outboxes(listings) == [ticket.id]
    assert [line["log_level"] for line in logs] == ["error"]
    assert set(relay.health.taken) == {f"ticket-{ticket.id}-2"}
    await listings.update_one({"_id": ticket.id}, {"$set": {"outbox": []}})
    await relay.poll()
    assert relay.health.taken == {}


async def test_a_wrong_alarm_ends_when_the_stream_shows_the_event(mongo: Mongo, streams: EventStreams) -> None:
    """A server of a NATS cluster may not have the newest events yet when it is asked for one of them."""
    listings, publisher, ticket = mongo.database["listings"], UnreliablePublisher(streams.broker), listed_ticket()
    await publish(streams, ticket)
    await leave_behind(listings, ticket)
    relay = OutboxRelay(publisher)
    relay.add_collection(listings)
    relay.health.taken = {ticket.event_id: 1}
    assert await relay.poll() == 1
    assert relay.health.taken == {}
    assert await in_outboxes(listings) == []
