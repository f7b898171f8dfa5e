"""A service refuses changes while its events wait too long for the stream, although no attempt to publish fails."""

import asyncio

import pytest
from common.tests.outboxes import UnreliablePublisher, eventually_empty, leave_behind, running, stage_and_enqueue

from common.domain.errors import DependencyUnavailable
from common.events.envelope import StagedEvent
from common.messaging.broker import Broker
from common.messaging.outbox_relay import OutboxRelay
from common.messaging.publishing_health import PublishingHealth
from common.storage.mongo import Mongo
from devkit.testing.events import EventStreams
from devkit.testing.samples import listed_ticket

_REFUSED = ValueError("a header cannot contain a line break")


class _Seconds:
    """A monotonic clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class _SlowPublisher(UnreliablePublisher):
    """Publishes to the real stream, but only after the test allows it."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker)
        self.may_publish = asyncio.Event()

    async def publish(self, staged: StagedEvent) -> None:
        await self.may_publish.wait()
        await super().publish(staged)


@pytest.fixture
def publisher(streams: EventStreams) -> _SlowPublisher:
    return _SlowPublisher(streams.broker)


@pytest.fixture
def seconds() -> _Seconds:
    return _Seconds()


@pytest.fixture
def relay(publisher: _SlowPublisher, seconds: _Seconds) -> OutboxRelay:
    return OutboxRelay(publisher, PublishingHealth(seconds))


async def test_changes_must_be_refused_while_an_event_waits_for_more_than_10_s(
    mongo: Mongo, publisher: _SlowPublisher, relay: OutboxRelay, seconds: _Seconds
) -> None:
    listings, problems = mongo.database["listings"], list[str]()
    async with running(relay.publish_forever, relay.clear_forever):
        await stage_and_enqueue(relay, listings, listed_ticket())
        seconds.now = 9.0
        await stage_and_enqueue(relay, listings, listed_ticket())
        problems.append(relay.health.problem)
        seconds.now = 11.0
        problems.append(relay.health.problem)
        publisher.may_publish.set()
        await eventually_empty(listings)
        problems.append(relay.health.problem)
    assert problems == ["", "An event waits for the stream for 11 s.", ""]


async def test_changes_must_be_refused_while_one_of_many_events_cannot_be_published(
    mongo: Mongo, publisher: _SlowPublisher, relay: OutboxRelay, seconds: _Seconds
) -> None:
    """For example, an older version has provisioned the stream without a subject. Other events are published."""
    listings, stuck = mongo.database["listings"], listed_ticket()
    relay.add_collection(listings)
    publisher.may_publish.set()
    publisher.failures = {stuck.id: DependencyUnavailable("no response from stream")}
    async with running(relay.publish_forever, relay.clear_forever):
        await stage_and_enqueue(relay, listings, stuck)
        await relay.drain(5)
        for seconds.now in (2.0, 4.0, 6.0, 8.0, 11.0):
            await stage_and_enqueue(relay, listings, listed_ticket())
            await relay.poll()
            await relay.drain(5)
    assert relay.health.problem == "An event waits for the stream for 11 s."
    publisher.failures = {}
    await relay.poll()
    assert not relay.health.problem


@pytest.mark.parametrize("refused", [0, 1])
async def test_changes_are_accepted_again_after_another_process_has_published_the_event(
    mongo: Mongo, publisher: _SlowPublisher, relay: OutboxRelay, seconds: _Seconds, refused: int
) -> None:
    """Also if an event that the stream refuses stays in an outbox, so that each poll has something to try."""
    listings, failed, others = mongo.database["listings"], listed_ticket(), [listed_ticket() for _ in range(refused)]
    relay.add_collection(listings)
    publisher.may_publish.set()
    publisher.failures = {
        failed.id: DependencyUnavailable("no answer"),
        **dict.fromkeys((t.id for t in others), _REFUSED),
    }
    await leave_behind(listings, failed, *others)
    await relay.poll()
    seconds.now = 20.0
    assert relay.health.problem == "The stream has taken no event for 20 s."
    await listings.update_one({"_id": failed.id}, {"$set": {"outbox": []}})
    await relay.poll()
    assert relay.health.failing_seconds == 0


async def test_an_event_that_the_stream_refuses_does_not_stop_the_changes(
    mongo: Mongo, publisher: _SlowPublisher, relay: OutboxRelay, seconds: _Seconds
) -> None:
    """It stays in its outbox until a person looks at it."""
    listings, refused = mongo.database["listings"], listed_ticket()
    publisher.failures = {refused.id: _REFUSED}
    publisher.may_publish.set()
    async with running(relay.publish_forever, relay.clear_forever):
        await stage_and_enqueue(relay, listings, refused)
        await relay.drain(5)
    seconds.now = 3600.0
    assert publisher.tried == [refused.id]
    assert not relay.health.problem
