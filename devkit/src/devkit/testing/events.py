"""Helpers for tests that publish events, as another service would do, or read the events that were published."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy
from nats.js.errors import NotFoundError

from common.domain.clock import utc_now
from common.domain.event import Event, Message
from common.events.envelope import StagedEvent, decode
from common.messaging.broker import Broker
from common.messaging.provisioning import provision_streams
from common.messaging.publisher import Publisher
from common.messaging.streams import DEAD_LETTERS, STREAMS, stream_of
from common.storage.collection import Collection
from devkit.servers.nats_server import NatsServer
from devkit.testing.eventually import eventually

E = TypeVar("E", bound=Event)


@dataclass(frozen=True)
class StoredMessage:
    """A message that a test has read from a stream of NATS."""

    subject: str
    data: bytes
    headers: dict[str, str]


class EventStreams:
    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self._publisher = Publisher(broker)

    async def publish(self, *events: Event) -> None:
        for event in events:
            await self._publisher.publish(StagedEvent.stage(event, utc_now()))

    async def publish_again(self, event: Event) -> None:
        """Publish an event a second time, in a way that the broker stores it a second time.

        The broker recognises duplicates by the header Nats-Msg-Id, so this method does not send the header. In
        production, the broker stores an event a second time if the service publishes it again after ten minutes.
        """
        staged = StagedEvent.stage(event, utc_now())
        headers = {name: value for name, value in staged.headers.items() if name != "Nats-Msg-Id"}
        await self._publisher.publish_raw(staged.subject, staged.data.encode(), headers)

    async def publish_bytes(self, subject: str, data: bytes, headers: dict[str, str] | None = None) -> None:
        await self._publisher.publish_raw(subject, data, headers or {})

    async def published(self, event_type: type[E]) -> list[E]:
        """Return all events of this type from their stream, oldest first."""
        found = []
        for message in await self._read(stream_of(event_type).name, event_type.subjects()):
            event = decode(message.subject, message.data)
            assert isinstance(event, event_type)  # noqa: S101 - this is a test helper
            found.append(event)
        return found

    async def eventually_published(self, event_type: type[E], count: int = 1) -> list[E]:
        """Wait until `count` events of this type are in the stream, and return them. Fail if there are more events."""
        found = await eventually(
            lambda: self.published(event_type),
            until=lambda seen: len(seen) >= count,
            what=f"{count} of {event_type.__name__} in the stream",
        )
        assert len(found) == count, f"{len(found)} of {event_type.__name__}, not {count}"  # noqa: S101
        return found

    async def dead_letters(self) -> list[StoredMessage]:
        return await self._read(DEAD_LETTERS.name, "dead-letter.>")

    async def eventually_quiet(self, *consumers: str) -> None:
        """Wait until these consumers have handled all events.

        After that, no event is left to deliver, and no delivered event waits for its acknowledgement.
        """

        async def busy() -> list[str]:
            return [
                info.name
                for stream in STREAMS
                for info in await self.broker.jetstream.consumers_info(stream.name)
                if info.name in consumers and await self._is_busy(info)
            ]

        await eventually(busy, until=lambda seen: not seen, what="consumers with nothing left to do")

    async def _is_busy(self, info: ConsumerInfo) -> bool:
        if info.num_pending or info.num_ack_pending:
            return True
        # Immediately after an event was published, the broker may not have counted this event as pending yet. So we
        # also check that the last event in the stream was delivered to the consumer.
        delivered = info.delivered.stream_seq if info.delivered else 0
        matching = [await self._last_sequence(info.stream_name, s) for s in info.config.filter_subjects or []]
        return delivered < max(matching, default=0)

    async def _last_sequence(self, stream: str, subject: str) -> int:
        try:
            return (await self.broker.jetstream.get_last_msg(stream, subject)).seq or 0
        except NotFoundError:
            return 0

    async def eventually_relayed(self, aggregates: Collection) -> None:
        """Wait until all events of these aggregates are published.

        The outbox of an aggregate contains its events that are not published yet. So this method waits until all
        outboxes in the collection are empty.
        """
        await eventually(
            lambda: aggregates.count_documents({"outbox.id": {"$exists": True}}),
            until=lambda left: left == 0,
            what=f"empty outboxes in {aggregates.name}",
        )

    async def envelopes(self, message_type: type[Message]) -> list[StoredMessage]:
        """Return the stored messages of this type with their headers, oldest first."""
        return await self._read(stream_of(message_type).name, message_type.subjects())

    async def _read(self, stream: str, subject: str) -> list[StoredMessage]:
        jetstream = self.broker.jetstream
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.NONE,
            filter_subject=subject,
            inactive_threshold=5.0,
            mem_storage=True,
        )
        info = await jetstream.add_consumer(stream, config)
        found: list[StoredMessage] = []
        if info.num_pending:
            subscription = await jetstream.pull_subscribe_bind(info.name, stream=stream)
            while len(found) < info.num_pending:
                try:
                    batch = await subscription.fetch(info.num_pending - len(found), timeout=0.5)
                except (TimeoutError, NatsTimeout):
                    continue
                found += [StoredMessage(m.subject, m.data, dict(m.headers or {})) for m in batch]
            await subscription.unsubscribe()
        await jetstream.delete_consumer(stream, info.name)
        return found


@asynccontextmanager
async def empty_streams(nats_server: NatsServer) -> AsyncIterator[EventStreams]:
    """Delete the streams of the platform on this server, and create them again without messages.

    Then yield an EventStreams, with which a test can publish and read events.
    """
    broker = Broker(nats_server.url, "test")
    await broker.connect()
    # We never delete this stream. If we deleted the last stream, nats-server would also delete the folder of all
    # streams, perhaps after we have created the new streams.
    await broker.jetstream.add_stream(name="NEVER_EMPTY", subjects=["never-empty"])
    for stream in STREAMS:
        with suppress(NotFoundError):
            await broker.jetstream.delete_stream(stream.name)
    await provision_streams(broker.jetstream)
    try:
        yield EventStreams(broker)
    finally:
        await broker.close()
