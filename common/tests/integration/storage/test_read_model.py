"""Read models: what a service stores of the aggregates of other services."""

import asyncio

import pytest
from pymongo import DeleteOne
from pymongo.errors import DuplicateKeyError

from common.storage.collection import Collection
from common.storage.mongo import Mongo
from common.storage.read_model import ReadModel, ReadModelRepository
from devkit.testing.eventually import eventually
from devkit.testing.interception import InterceptedCollection, Operation
from devkit.testing.samples import changed_ticket, listed_ticket

pytestmark = pytest.mark.both_drivers


class KnownTicket(ReadModel):
    title: str


@pytest.fixture
def collection(mongo: Mongo) -> Collection:
    return mongo.database["ticket_replicas"]


async def test_find_or_wait_waits_for_an_event_that_arrives_soon(collection: Collection) -> None:
    """A client that lists a ticket and orders it at once does not get 404."""
    lookups = 0

    async def count(name: str, operation: Operation) -> object:
        nonlocal lookups
        lookups += name == "find_one"
        return await operation()

    async def looked_in_vain() -> bool:
        return lookups > 1

    tickets = ReadModelRepository(InterceptedCollection(collection, count), KnownTicket, wait_seconds=10)
    ticket = listed_ticket(title="Concert")
    found = asyncio.create_task(tickets.find_or_wait(ticket.id))
    await eventually(looked_in_vain, within=3, what="a second look")
    await tickets.apply(ticket)
    assert await found == KnownTicket(id=ticket.id, version=1, title="Concert")


async def test_find_or_wait_ends_when_nothing_arrives(collection: Collection) -> None:
    tickets = ReadModelRepository(collection, KnownTicket, wait_seconds=0.1)
    async with asyncio.timeout(3):
        assert await tickets.find_or_wait(listed_ticket().id) is None


async def test_a_second_event_of_the_same_version_changes_nothing(collection: Collection) -> None:
    """For a duplicate, and for two events of one version, the first state stays."""
    tickets = ReadModelRepository(collection, KnownTicket)
    ticket = listed_ticket(title="First")
    assert await tickets.apply(ticket)
    assert not await tickets.apply(changed_ticket(ticket, version=1, title="Second"))
    found = await tickets.find(ticket.id)
    assert found is not None
    assert found.title == "First"


async def test_an_event_is_applied_again_if_mongodb_has_undone_its_write(collection: Collection) -> None:
    """The duplicate key is an answer of a primary that was cut off. The new primary does not have the document."""
    ticket = listed_ticket(title="Concert")

    async def elect_another_primary(_name: str, operation: Operation) -> object:
        try:
            return await operation()
        except DuplicateKeyError:
            await collection.bulk_write([DeleteOne({"_id": ticket.id})])
            raise

    tickets = ReadModelRepository(InterceptedCollection(collection, elect_another_primary), KnownTicket)
    assert await tickets.apply(ticket)
    assert await tickets.apply(ticket)
    assert await tickets.find(ticket.id) == KnownTicket(id=ticket.id, version=1, title="Concert")
