"""An event counts as published when the stream has acknowledged it. The wait for that is short."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from common.domain.clock import utc_now
from common.domain.errors import DependencyUnavailable
from common.events.envelope import StagedEvent
from common.messaging.broker import Broker
from common.messaging.provisioning import provision_streams
from common.messaging.publisher import MessageRefused, Publisher
from common.messaging.streams import DOMAIN_EVENTS, STREAMS, Stream
from devkit.servers import NatsServer, free_port
from devkit.testing.events import EventStreams
from devkit.testing.samples import listed_ticket


async def test_an_event_that_no_stream_stores_is_not_published(streams: EventStreams) -> None:
    await streams.broker.jetstream.delete_stream(DOMAIN_EVENTS.name)
    with pytest.raises(DependencyUnavailable):
        await Publisher(streams.broker).publish(StagedEvent.stage(listed_ticket(), utc_now()))


@pytest.mark.parametrize(
    "refused",
    [
        {"data": "x" * 300 * 1024},
        {"data": "x" * 2 * 1024 * 1024},
        {"headers": {"more": "x" * 2 * 1024 * 1024}},
        {"subject": "ticket.created." + "x" * 10_000},
        {"subject": "ticket.retracted.1"},
        {"subject": "ticket created"},
        {"subject": "ticket.created.1.2"},
        {"subject": "ticket.created."},
        {"headers": {"Nats-TTL": "60s"}},
        {"headers": {"Nats-Expected-Last-Subject-Sequence": "7"}},
        {"headers": {"nats-rollup": "all"}},
    ],
    ids=[
        "larger than the stream takes",
        "larger than the server takes",
        "large headers",
        "a long subject",
        "a fact of another version",
        "no subject",
        "one more token",
        "an empty token",
        "a time to live",
        "an expected position",
        "a rollup",
    ],
)
async def test_a_message_that_can_never_be_stored_is_refused(streams: EventStreams, refused: dict[str, str]) -> None:
    """The caller can tell it from an outage, which ends by itself. The connection stays open for other messages."""
    staged = StagedEvent.stage(listed_ticket(), utc_now()).model_copy(update=refused)
    with pytest.raises(MessageRefused):
        await Publisher(streams.broker).publish(staged)
    await Publisher(streams.broker).publish(StagedEvent.stage(listed_ticket(), utc_now()))


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
async def test_a_message_is_not_refused_because_of_a_wrong_limit_of_the_stream(
    stream: Stream, streams: EventStreams
) -> None:
    """The limit concerns the other messages, too. So it counts as an outage, and changes are refused."""
    jetstream, publisher = streams.broker.jetstream, Publisher(streams.broker)
    config = (await jetstream.stream_info(stream.name)).config
    await jetstream.update_stream(replace(config, max_msg_size=100))
    subject, headers = stream.subjects[0].rstrip("*>") + "1", {"name": "value"}
    largest = stream.max_message_bytes - len("NATS/1.0\r\nname: value\r\n\r\n")
    with pytest.raises(DependencyUnavailable):
        await publisher.publish_raw(subject, bytes(largest), headers)
    with pytest.raises(MessageRefused):
        await publisher.publish_raw(subject, bytes(largest + 1), headers)
    await provision_streams(jetstream)
    await publisher.publish_raw(subject, bytes(largest), headers)
    with pytest.raises(MessageRefused):
        await publisher.publish_raw(subject, bytes(largest + 1), headers)


@pytest.mark.slow
async def test_publishing_to_a_silent_broker_fails_within_3_seconds(tmp_path: Path) -> None:
    async with NatsServer(tmp_path, free_port()) as server:
        broker = Broker(server.url, "test")
        await broker.connect()
        await provision_streams(broker.jetstream)
        server.pause()
        with pytest.raises(DependencyUnavailable):
            async with asyncio.timeout(3):
                await Publisher(broker).publish(StagedEvent.stage(listed_ticket(), utc_now()))
        server.resume()
        await broker.close()
