"""State and its event are one write; the relay alone publishes; a crash in between is made good by the sweep."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from common.tests.listing import Listing
from pymongo.errors import DuplicateKeyError

from common.domain.clock import utc_now
from common.domain.errors import DependencyUnavailable, VersionConflict
from common.events.envelope import StagedEvent
from common.events.tickets import TicketCreated, TicketUpdated
from common.messaging.outbox_relay import OutboxRelay
from common.messaging.publisher import Publisher
from common.storage.collection import Collection
from common.storage.mongo import Mongo
from common.storage.repository import AggregateRepository, retry_lost_races
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually


class DyingPublisher(Publisher):
    """Stands for a process that dies before or after it has published."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.dies: str | None = None

    async def publish(self, staged: StagedEvent) -> None:
        if self.dies == "before publishing":
            raise DependencyUnavailable("died")
        await self._publisher.publish(staged)
        if self.dies == "after publishing":
            raise DependencyUnavailable("died")


class Clockwork:
    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


class Setup:
    def __init__(self, mongo: Mongo, streams: EventStreams) -> None:
        self.clock = Clockwork()
        self.publisher = DyingPublisher(Publisher(streams.broker))
        self.relay = OutboxRelay(self.publisher, self.clock)
        self.collection = mongo.database["listings"]
        self.listings = AggregateRepository(self.collection, Listing, self.relay, self.clock)

    async def staged(self) -> int:
        return len(await self.collection.find({"outbox.id": {"$exists": True}}).to_list(None))

    async def eventually_cleared(self) -> None:
        await eventually(self.staged, until=lambda staged: staged == 0, what="an empty outbox")


@pytest.fixture
async def setup(mongo: Mongo, streams: EventStreams) -> AsyncIterator[Setup]:
    setup = Setup(mongo, streams)
    await setup.relay.create_indexes()
    relaying = [asyncio.create_task(loop()) for loop in (setup.relay.publish_forever, setup.relay.clear_forever)]
    yield setup
    for loop in relaying:
        loop.cancel()
    await asyncio.gather(*relaying, return_exceptions=True)


async def test_a_change_is_published_and_the_outbox_cleared(setup: Setup, streams: EventStreams) -> None:
    listing = Listing.create("first")
    await setup.listings.add(listing)
    listing.rename("second")
    listing.rename("third")
    await setup.listings.save(listing)
    await setup.eventually_cleared()
    assert [(event.version, event.title) for event in await streams.published(TicketUpdated)] == [
        (2, "second"),
        (3, "third"),
    ]
    assert len(await streams.published(TicketCreated)) == 1


class SlowToClear:
    """A collection whose outboxes are not cleared before it is told to."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self.may_clear = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    async def bulk_write(self, requests: list[Any], *, ordered: bool) -> Any:
        await self.may_clear.wait()
        return await self._collection.bulk_write(requests, ordered=ordered)


async def test_an_event_is_published_while_the_outbox_of_the_one_before_is_being_cleared(
    setup: Setup, streams: EventStreams
) -> None:
    slow: Any = SlowToClear(setup.collection)
    listings = AggregateRepository(slow, Listing, setup.relay, setup.clock)
    titles = ["first", "second", "third"]
    for number, title in enumerate(titles, start=1):
        await listings.add(Listing.create(title))
        published = await streams.eventually_published(TicketCreated, number)
    assert [event.title for event in published] == titles
    assert await setup.staged() == len(titles)
    slow.may_clear.set()
    await setup.eventually_cleared()


@pytest.mark.parametrize("moment", ["before publishing", "after publishing"])
async def test_a_crash_between_the_write_and_the_clearing_loses_and_doubles_nothing(
    setup: Setup, streams: EventStreams, moment: str
) -> None:
    setup.publisher.dies = moment
    listing = Listing.create("first")
    await setup.listings.add(listing)
    await setup.relay.drain(5)
    assert await setup.staged() == 1

    setup.publisher.dies = None  # the next process
    assert await setup.relay.poll() == 1
    assert await setup.staged() == 0
    assert len(await streams.published(TicketCreated)) == 1


async def test_polling_leaves_alone_what_is_on_its_way_and_takes_what_was_left_behind(
    setup: Setup, streams: EventStreams
) -> None:
    setup.publisher.dies = "before publishing"
    await setup.listings.add(Listing.create("left behind"))
    await setup.relay.drain(5)
    setup.publisher.dies = None
    assert await setup.relay.poll(timedelta(seconds=2)) == 0
    setup.clock.ahead = timedelta(seconds=3)
    assert await setup.relay.poll(timedelta(seconds=2)) == 1
    assert len(await streams.published(TicketCreated)) == 1


async def test_polling_finds_more_documents_than_fit_into_one_batch(setup: Setup, streams: EventStreams) -> None:
    setup.publisher.dies = "before publishing"
    for each in range(300):
        await setup.listings.add(Listing.create(f"listing {each}"))
    await setup.relay.drain(10)
    setup.publisher.dies = None
    assert await setup.relay.poll() == 300
    assert len(await streams.published(TicketCreated)) == 300


async def test_polling_uses_the_index_and_not_the_collection(setup: Setup) -> None:
    for each in range(20):
        await setup.listings.add(Listing.create(f"listing {each}"))
    await setup.eventually_cleared()
    setup.publisher.dies = "before publishing"
    await setup.listings.add(Listing.create("staged"))
    await setup.relay.drain(5)
    plan = await setup.collection.find({"outbox.id": {"$exists": True}}).explain()  # type: ignore[attr-defined]
    assert plan["executionStats"]["totalDocsExamined"] == 1


async def test_a_write_over_a_version_that_is_gone_writes_nothing_and_stages_nothing(setup: Setup) -> None:
    listing = Listing.create("first")
    await setup.listings.add(listing)
    mine, theirs = await setup.listings.find(listing.id), await setup.listings.find(listing.id)
    assert mine is not None
    assert theirs is not None
    theirs.rename("theirs")
    await setup.listings.save(theirs)
    mine.rename("mine")
    with pytest.raises(VersionConflict):
        await setup.listings.save(mine)
    stored = await setup.listings.find(listing.id)
    assert stored is not None
    assert (stored.title, stored.version) == ("theirs", 2)


async def test_concurrent_changes_all_happen_one_after_the_other(setup: Setup, streams: EventStreams) -> None:
    listing = Listing.create("")
    await setup.listings.add(listing)

    async def append(letter: str) -> None:
        async def attempt() -> None:
            found = await setup.listings.find(listing.id)
            assert found is not None
            found.rename(found.title + letter)
            await setup.listings.save(found)

        await retry_lost_races(attempt, attempts=50)

    await asyncio.gather(*(append(letter) for letter in "abcdefghij"))
    stored = await setup.listings.find(listing.id)
    assert stored is not None
    assert (sorted(stored.title), stored.version) == (sorted("abcdefghij"), 11)
    await setup.eventually_cleared()
    # Each once; in which order is not promised: that is why they carry versions.
    assert sorted(event.version for event in await streams.published(TicketUpdated)) == list(range(2, 12))


async def test_what_finds_no_room_in_memory_is_found_by_polling(
    setup: Setup, streams: EventStreams, mongo: Mongo
) -> None:
    idle = OutboxRelay(setup.publisher, setup.clock)  # one that does not run: its queue only fills
    listings = AggregateRepository(mongo.database["listings"], Listing, idle, setup.clock)
    listing = Listing.create("first")
    await listings.add(listing)
    with pytest.raises(DuplicateKeyError):
        await listings.add(listing)
    assert await idle.poll() == 1
    assert len(await streams.published(TicketCreated)) == 1


async def test_a_refused_insert_leaves_nothing_behind_that_only_a_full_collection_would_free(
    setup: Setup, mongo: Mongo
) -> None:
    listings = AggregateRepository(
        mongo.database["listings"], Listing, OutboxRelay(setup.publisher, setup.clock), setup.clock
    )
    listing = Listing.create("first")
    await listings.add(listing)

    async def refusals_in_memory() -> int:
        return sum(type(each) is DuplicateKeyError for each in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        with suppress(DuplicateKeyError):
            await listings.add(listing)
        await eventually(refusals_in_memory, until=lambda count: count == 0, what="no refusal in memory")
    finally:
        gc.enable()
