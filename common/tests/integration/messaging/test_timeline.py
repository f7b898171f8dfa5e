"""The length of a timeline is limited, however many events an aggregate has."""

import asyncio

from common.messaging.timeline import TimelineReader
from devkit.testing.events import EventStreams
from devkit.testing.samples import changed_ticket, listed_ticket


async def test_a_timeline_has_at_most_200_events_of_an_aggregate(streams: EventStreams) -> None:
    """Otherwise a request could take any time."""
    listed = listed_ticket()
    await streams.publish(listed)
    await asyncio.gather(*(streams.publish(changed_ticket(listed, version)) for version in range(2, 206)))
    timeline = await TimelineReader(streams.broker).read([listed.id])
    assert len(timeline) == 200
    assert timeline[0].version == 1, "the oldest events"
