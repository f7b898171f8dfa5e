"""A rebuild of a read model while its service runs and events arrive."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from marketplace.tests.integration.interrupted import interrupted
from marketplace.tests.integration.operated import (
    Marketplace,
    a_marketplace,
    an_operator,
    registered_read_models,
    running,
)

from common.domain.ids import new_id
from common.events.orders import OrderCancelled
from common.events.tickets import TicketUpdated
from common.storage.collection import Collection
from devkit.testing.events import EventStreams
from devkit.testing.running import Surroundings
from devkit.testing.samples import changed_ticket, listed_ticket, order_events
from marketplace.operations.rebuild import REPLAY_PENDING, rebuild
from marketplace.operations.stored_data import READ_MODELS
from marketplace.registry import CONSUMERS_OF

ORDERS_OF_TICKETS = registered_read_models("tickets", "order_replicas")
TICKETS_OF_ORDERS = registered_read_models("orders", "ticket_replicas")
ORDERS_OF_PAYMENTS = registered_read_models("payments", "order_replicas")


@pytest.fixture
async def marketplace(surroundings: Surroundings) -> AsyncIterator[Marketplace]:
    async with a_marketplace(surroundings) as marketplace:
        yield marketplace


async def test_an_event_that_arrives_before_the_write_is_not_overwritten(marketplace: Marketplace) -> None:
    ticket = await marketplace.lists()
    order = await marketplace.orders(ticket)
    await marketplace.settled()
    read_models = marketplace.collection("tickets", "order_replicas")
    await read_models.update_one({"_id": order}, {"$set": {"version": 0}})

    async def cancelled_meanwhile() -> None:
        await marketplace.cancels(order)
        await marketplace.eventually_holds(ticket, None)

    rebuilt = await rebuild(interrupted(marketplace.operator, "write", cancelled_meanwhile), ORDERS_OF_TICKETS)
    assert rebuilt.changed == [order]
    found = await read_models.find_one({"_id": order})
    assert found == {"_id": order, "version": 2, "ticket_id": ticket, "is_live": False}
    await marketplace.settled()


async def test_a_service_acts_on_what_was_rebuilt(marketplace: Marketplace) -> None:
    ticket = await marketplace.lists()
    order = await marketplace.orders(ticket)
    await marketplace.cancels(order)
    await marketplace.settled()
    old = {"version": 1, "is_live": True}
    await marketplace.collection("tickets", "order_replicas").update_one({"_id": order}, {"$set": old})
    await marketplace.collection("tickets", "tickets").update_one({"_id": ticket}, {"$set": {"order_id": order}})
    rebuilt = await rebuild(marketplace.operator, ORDERS_OF_TICKETS)
    assert (rebuilt.changed, rebuilt.not_replayed) == ([order], {})
    await marketplace.eventually_holds(ticket, None)
    await marketplace.settled()


async def test_an_order_that_is_placed_meanwhile_is_no_orphan(marketplace: Marketplace) -> None:
    ticket, orders = await marketplace.lists(), []

    async def placed_meanwhile() -> None:
        orders.append(await marketplace.orders(ticket))
        await marketplace.eventually_holds(ticket, orders[0])

    rebuilt = await rebuild(interrupted(marketplace.operator, "look", placed_meanwhile), ORDERS_OF_TICKETS)
    assert rebuilt.removed == []
    await marketplace.settled()
    await marketplace.eventually_holds(ticket, orders[0])


@dataclass
class Load:
    """Creates orders and cancels some, and publishes old events again about tickets that have new orders."""

    marketplace: Marketplace
    streams: EventStreams
    old_events: list[OrderCancelled]
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    busy: bool = True

    async def trade(self) -> None:
        while self.busy:
            order = await self.marketplace.orders(await self.marketplace.lists())
            if self.chance.random() < 0.5:
                await self.marketplace.cancels(order)
            await asyncio.sleep(0.02)  # paces the load

    async def repeat_old_events(self) -> None:
        """Each event makes tickets determine the holder of a ticket again."""
        while self.busy:
            await self.streams.publish_again(self.chance.choice(self.old_events))
            await asyncio.sleep(0.01)  # paces the load


async def make_old(collection: Collection, keys: list[str]) -> None:
    for document in await collection.find({"_id": {"$in": keys}}).to_list(None):
        await collection.update_one({"_id": document["_id"]}, {"$set": {"version": 0}})


@pytest.mark.slow
async def test_rebuilding_under_load_loses_no_event_and_releases_no_ticket(
    marketplace: Marketplace, streams: EventStreams
) -> None:
    held = [await marketplace.lists() for _ in range(3)]
    for ticket in held:
        await marketplace.cancels(await marketplace.orders(ticket))
    holders = [await marketplace.orders(ticket) for ticket in held]
    await marketplace.settled()
    events_before = len(await streams.published(TicketUpdated))

    load = Load(marketplace, streams, await streams.published(OrderCancelled))
    tasks = [asyncio.create_task(each()) for each in (load.trade, load.trade, load.repeat_old_events)]
    try:
        for _ in range(3):
            for read_model in READ_MODELS:
                await make_old(marketplace.collection(read_model.service, read_model.collection), [*holders, *held])
                assert (await rebuild(marketplace.operator, read_model)).not_replayed == {}
    finally:
        load.busy = False
        await asyncio.gather(*tasks)

    await marketplace.settled()
    updates = (await streams.published(TicketUpdated))[events_before:]
    assert len(updates) > 0
    assert [update for update in updates if update.id in held] == []
    for ticket, order in zip(held, holders, strict=True):
        await marketplace.eventually_holds(ticket, order)


async def test_a_rebuild_applies_the_newest_event_and_replays_it_to_the_service(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    listed = listed_ticket()
    changed = changed_ticket(listed, 2)
    created, cancelled, _ = order_events(listed.id)
    await streams.publish(changed, listed, cancelled, created)
    await streams.publish_bytes(f"order.created.{new_id()}", b'{"half": ')
    async with an_operator(surroundings) as connection:
        rebuilt = await rebuild(connection, TICKETS_OF_ORDERS)
        assert (rebuilt.events, rebuilt.changed, list(rebuilt.not_replayed)) == (2, [listed.id], [listed.id])
        found = await connection.databases["orders"]["ticket_replicas"].find_one({"_id": listed.id})
        expected = {"_id": listed.id, "version": 2, "title": "Opera", "price": 2500, "user_id": listed.user_id}
        expected |= {"starts_at": None, "withdrawn": False, REPLAY_PENDING: True}
        assert found == expected
        async with running(surroundings, "payments"):
            await streams.eventually_quiet(*(each.name for each in CONSUMERS_OF["payments"]))
            await connection.databases["payments"]["order_replicas"].update_one(
                {"_id": created.id}, {"$set": {"status": "created"}}
            )
            rebuilt = await rebuild(connection, ORDERS_OF_PAYMENTS)
            assert (rebuilt.events, rebuilt.changed, rebuilt.not_replayed) == (2, [created.id], {})
            assert (await rebuild(connection, ORDERS_OF_PAYMENTS)).changed == []


async def test_a_rebuild_does_not_write_a_copy_that_lacks_only_optional_fields(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    """An older version of the service has written it. Otherwise each new field would rewrite and replay everything."""
    listed = listed_ticket()
    await streams.publish(listed)
    async with an_operator(surroundings) as connection:
        copies = connection.databases["orders"]["ticket_replicas"]
        older = {"_id": listed.id, "version": 1, "title": "Concert", "price": 1999, "user_id": listed.user_id}
        await copies.insert_one(dict(older))
        rebuilt = await rebuild(connection, TICKETS_OF_ORDERS)
        assert (rebuilt.changed, await copies.find_one({"_id": listed.id})) == ([], older)


async def test_progress_ends_with_all_events(surroundings: Surroundings, streams: EventStreams) -> None:
    for _ in range(11):
        await asyncio.gather(*(streams.publish(listed_ticket()) for _ in range(100)))
    seen: list[tuple[int, int]] = []
    async with an_operator(surroundings) as connection:
        rebuilt = await rebuild(connection, TICKETS_OF_ORDERS, lambda done, total: seen.append((done, total)))
    assert seen == [(500, 1100), (1000, 1100), (1100, 1100)]
    assert len(rebuilt.changed) == len(rebuilt.not_replayed) == 1100
