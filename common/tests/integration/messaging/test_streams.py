"""The streams at the server: they lose no message, remove none to make room, and store none twice."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType

from common.domain.clock import utc_now
from common.domain.errors import DependencyUnavailable
from common.domain.ids import new_id
from common.events.envelope import StagedEvent
from common.events.tickets import TicketCreated
from common.messaging.broker import Broker
from common.messaging.dead_letters import dead_letter_subject
from common.messaging.provisioning import provision_streams
from common.messaging.publisher import MessageRefused, Publisher
from common.messaging.streams import (
    DEAD_LETTERS,
    DOMAIN_EVENTS,
    GENERAL_EVENTS,
    MAX_MESSAGE_BYTES,
    STREAMS,
    TIMERS,
    Stream,
)
from devkit.servers import NatsServer, free_port
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.samples import changed_ticket, listed_ticket

EVERY_STREAM = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
_NO_LIMIT = -1


@EVERY_STREAM
async def test_a_stream_is_stored_in_files_and_no_message_expires(streams: EventStreams, stream: Stream) -> None:
    kept = (await streams.broker.jetstream.stream_info(stream.name)).config
    assert (kept.storage, kept.retention) == (StorageType.FILE, RetentionPolicy.LIMITS)
    limits = (kept.max_age, kept.max_msgs, kept.max_bytes, kept.max_msgs_per_subject, kept.max_consumers)
    assert limits == (0, *[_NO_LIMIT] * 4), "without limits, nothing is ever removed"


@EVERY_STREAM
async def test_a_stream_recognises_a_duplicate_for_ten_minutes(streams: EventStreams, stream: Stream) -> None:
    """Longer than it takes to publish an event again, even if an operator has to restart a service for it."""
    kept = (await streams.broker.jetstream.stream_info(stream.name)).config
    assert timedelta(seconds=kept.duplicate_window or 0) >= timedelta(minutes=10)


async def test_an_event_that_is_published_twice_is_stored_once(streams: EventStreams) -> None:
    ticket = listed_ticket()
    await streams.publish(ticket, ticket, changed_ticket(ticket, 2), changed_ticket(ticket, 2))
    state = (await streams.broker.jetstream.stream_info(DOMAIN_EVENTS.name)).state
    assert state.messages == 2


@pytest.mark.parametrize("stream", [DOMAIN_EVENTS, GENERAL_EVENTS, DEAD_LETTERS], ids=lambda stream: stream.name)
async def test_a_full_stream_refuses_new_messages_and_keeps_the_old_ones(streams: EventStreams, stream: Stream) -> None:
    """It is full because an operator has set a limit."""
    jetstream = streams.broker.jetstream
    config = (await jetstream.stream_info(stream.name)).config
    await jetstream.update_stream(replace(config, max_msgs=2))
    subjects = [stream.subjects[0].rstrip("*>") + new_id() for _ in range(3)]
    for subject in subjects[:2]:
        await streams.publish_bytes(subject, b"{}")
    with pytest.raises(DependencyUnavailable):
        await streams.publish_bytes(subjects[2], b"{}")
    assert (await jetstream.get_msg(stream.name, seq=1)).subject == subjects[0]


async def test_a_stream_keeps_an_event_that_every_consumer_has_acknowledged(streams: EventStreams) -> None:
    jetstream = streams.broker.jetstream
    config = ConsumerConfig(durable_name="only", ack_policy=AckPolicy.EXPLICIT)
    await jetstream.add_consumer(DOMAIN_EVENTS.name, config)
    await streams.publish(listed_ticket())
    subscription = await jetstream.pull_subscribe_bind("only", stream=DOMAIN_EVENTS.name)
    (message,) = await subscription.fetch(1)
    await message.ack_sync()
    assert len(await streams.published(TicketCreated)) == 1


async def test_a_message_above_256_kib_is_refused(streams: EventStreams) -> None:
    for stream in (DOMAIN_EVENTS, GENERAL_EVENTS, TIMERS):
        subject = stream.subjects[0].rstrip("*>") + new_id()
        with pytest.raises(MessageRefused, match="size"):
            await streams.publish_bytes(subject, bytes(256 * 1024 + 1))


async def test_the_largest_event_can_become_a_dead_letter(streams: EventStreams) -> None:
    """The dead letter is larger than its event, because it has more headers."""
    largest = bytes(MAX_MESSAGE_BYTES + 4096)
    await streams.publish_bytes(dead_letter_subject("some-consumer"), largest)
    assert [letter.data for letter in await streams.dead_letters()] == [largest]


async def test_the_server_reports_a_message_that_reached_max_deliver(
    streams: EventStreams,
) -> None:
    """In the dead-letter stream. A consumer that crashes at each delivery cannot report anything."""
    jetstream = streams.broker.jetstream
    config = ConsumerConfig(durable_name="crashing", ack_policy=AckPolicy.EXPLICIT, max_deliver=1, ack_wait=0.1)
    await jetstream.add_consumer(DOMAIN_EVENTS.name, config)
    await streams.publish(listed_ticket())
    subscription = await jetstream.pull_subscribe_bind("crashing", stream=DOMAIN_EVENTS.name)
    await subscription.fetch(1)

    async def reports() -> list[str]:
        with pytest.raises(NatsTimeout):  # the server counts a delivery when it would be repeated
            await subscription.fetch(1, timeout=0.2)
        kept = await jetstream.stream_info(DEAD_LETTERS.name, subjects_filter=">")
        return list(kept.state.subjects or ())

    (subject,) = await eventually(reports, within=5, what="the server's report")
    assert subject.endswith(f".{DOMAIN_EVENTS.name}.crashing")


async def test_events_survive_the_crash_of_the_server(tmp_path: Path) -> None:
    async with NatsServer(tmp_path, free_port()) as server:
        broker = Broker(server.url, "test")
        await broker.connect()
        await provision_streams(broker.jetstream)
        await Publisher(broker).publish(StagedEvent.stage(listed_ticket(), utc_now()))
        await server.kill()
        await server.start()
        await eventually(lambda: asyncio.sleep(0, broker.is_connected), what="a connection")
        kept = {each.config.name: each.state.messages for each in await broker.jetstream.streams_info()}
        assert kept == {stream.name: 1 if stream is DOMAIN_EVENTS else 0 for stream in STREAMS}
        await broker.close()


@EVERY_STREAM
async def test_provisioning_updates_the_settings_of_a_stream_and_keeps_its_messages(
    streams: EventStreams, stream: Stream
) -> None:
    jetstream = streams.broker.jetstream
    today = (await jetstream.stream_info(stream.name)).config
    await jetstream.update_stream(replace(today, max_msg_size=1024, duplicate_window=1.0))
    await streams.publish_bytes(stream.subjects[0].rstrip("*>") + new_id(), b"{}")
    await provision_streams(jetstream)
    found = await jetstream.stream_info(stream.name)
    assert (found.config, found.state.messages) == (today, 1)
