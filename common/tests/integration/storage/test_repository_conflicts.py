"""A write of an aggregate that conflicts with another one changes nothing and publishes nothing."""

import asyncio
import gc
from contextlib import suppress

import pytest
from common.tests.listing import Listing
from common.tests.outboxes import in_outboxes
from pymongo.errors import DuplicateKeyError

from common.domain.clock import utc_now
from common.domain.errors import VersionConflict
from common.events.tickets import TicketCreated, TicketUpdated
from common.messaging.outbox_relay import OutboxRelay
from common.messaging.publisher import Publisher
from common.storage.mongo import Mongo
from common.storage.repository import AggregateRepository
from common.storage.retry import retry_on_conflict
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.in_memory import idle_relay

pytestmark = pytest.mark.both_drivers


@pytest.fixture
def listings(mongo: Mongo) -> AggregateRepository[Listing]:
    """Their relay does not run: events stay in the outboxes until the relay of the next process polls them."""
    return AggregateRepository(mongo.database["listings"], Listing, idle_relay(), utc_now)


@pytest.fixture
def relay(streams: EventStreams, listings: AggregateRepository[Listing]) -> OutboxRelay:
    relay = OutboxRelay(Publisher(streams.broker))
    relay.add_collection(listings.collection)
    return relay


async def test_a_write_over_an_old_version_changes_nothing(
    listings: AggregateRepository[Listing], relay: OutboxRelay
) -> None:
    listing = Listing.create("first")
    await listings.add(listing)
    mine, theirs = await listings.find(listing.id), await listings.find(listing.id)
    assert mine is not None
    assert theirs is not None
    theirs.rename("theirs")
    await listings.save(theirs)
    await relay.poll()
    mine.rename("mine")
    with pytest.raises(VersionConflict):
        await listings.save(mine)
    stored = await listings.find(listing.id)
    assert stored is not None
    assert (stored.title, stored.version) == ("theirs", 2)
    assert await in_outboxes(listings.collection) == []


async def test_concurrent_changes_happen_one_after_the_other(
    listings: AggregateRepository[Listing], relay: OutboxRelay, streams: EventStreams
) -> None:
    listing = Listing.create("")
    await listings.add(listing)

    @retry_on_conflict
    async def append(letter: str) -> None:
        found = await listings.find(listing.id)
        assert found is not None
        found.rename(found.title + letter)
        await listings.save(found)

    await asyncio.gather(*(append(letter) for letter in "abcdefghij"))
    stored = await listings.find(listing.id)
    assert stored is not None
    assert (sorted(stored.title), stored.version) == (sorted("abcdefghij"), 11)
    await relay.poll()
    # Each is published once. Their order is not guaranteed; that is why events have versions.
    assert sorted(event.version for event in await streams.published(TicketUpdated)) == list(range(2, 12))


async def test_a_refused_insert_publishes_nothing(
    listings: AggregateRepository[Listing], relay: OutboxRelay, streams: EventStreams
) -> None:
    listing = Listing.create("first")
    await listings.add(listing)
    with pytest.raises(DuplicateKeyError):
        await listings.add(listing)
    assert await relay.poll() == 1
    assert len(await streams.published(TicketCreated)) == 1


async def test_a_refused_insert_leaves_no_reference_cycle_behind(listings: AggregateRepository[Listing]) -> None:
    """Only a full garbage collection would free a cycle."""
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
