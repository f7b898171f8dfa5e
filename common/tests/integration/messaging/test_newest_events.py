"""The newest event of each type that a service has published, as the stream has it."""

import pytest

from common.events.envelope import EVENT_ID
from common.messaging.newest_events import PublishedEvent, newest_events
from devkit.testing.events import EventStreams
from devkit.testing.samples import changed_ticket, listed_ticket


@pytest.mark.parametrize("messages", [1, 7, 8, 9, 100])
async def test_the_newest_event_is_found_before_messages_that_are_no_events(
    messages: int, streams: EventStreams
) -> None:
    older, newer = listed_ticket(), listed_ticket()
    await streams.publish(older, newer, changed_ticket(newer, 2, price=15))
    for _ in range(messages):
        await streams.publish_bytes(older.subject, b"{}")
    found = await newest_events(streams.broker, "tickets")
    assert found == [
        PublishedEvent(newer.event_id, newer.id, 1),
        PublishedEvent(f"ticket-{newer.id}-2", newer.id, 2),
    ]


@pytest.mark.parametrize(
    "event_id",
    ["", "1", "ticket-", "ticket-1-2-republished", "order-1-2", "ticket-1-", "ticket-1-" + "9" * 19],
    ids=repr,
)
async def test_a_message_without_an_id_of_an_event_is_left_out(event_id: str, streams: EventStreams) -> None:
    await streams.publish_bytes("ticket.created.1", b"{}", {EVENT_ID: event_id} if event_id else {})
    assert await newest_events(streams.broker, "tickets") == []


async def test_a_service_without_events_has_no_newest_event(streams: EventStreams) -> None:
    assert await newest_events(streams.broker, "tickets") == []
