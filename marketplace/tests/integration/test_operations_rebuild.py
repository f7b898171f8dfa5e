"""Rebuilding a read model while its service keeps running and events flow in."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from marketplace.tests.integration.interrupted import interrupted
from marketplace.tests.integration.operated import Marketplace, a_marketplace, an_operator, running

from common.domain.ids import new_id
from common.events.orders import OrderCancelled
from common.events.tickets import TicketUpdated
from common.storage.collection import Collection
from devkit.testing.events import EventStreams
from devkit.testing.running import Surroundings
from devkit.testing.samples import changed_ticket, listed_ticket, order_events
from marketplace.operations.rebuild import UNHEARD, rebuild
from marketplace.operations.stored_data import READ_MODELS
from marketplace.registry import CONSUMERS_OF

ORDERS_OF_TICKETS, TICKETS_OF_ORDERS, ORDERS_OF_PAYMENTS = READ_MODELS


@pytest.fixture
async def marketplace(surroundings: Surroundings) -> AsyncIterator[Marketplace]:
    async with a_marketplace(surroundings) as marketplace:
        yield marketplace


async def test_an_event_that_arrives_between_look_and_write_wins(marketplace: Marketplace) -> None:
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


async def test_a_service_draws_its_conclusions_from_what_was_rebuilt(marketplace: Marketplace) -> None:
    ticket = await marketplace.lists()
    order = await marketplace.orders(ticket)
    await marketplace.cancels(order)
    await marketplace.settled()
    old = {"version": 1, "is_live": True}
    await marketplace.collection("tickets", "order_replicas").update_one({"_id": order}, {"$set": old})
    await marketplace.collection("tickets", "tickets").update_one({"_id": ticket}, {"$set": {"order_id": order}})
    rebuilt = await rebuild(marketplace.operator, ORDERS_OF_TICKETS)
    assert (rebuilt.changed, rebuilt.unheard) == ([order], {})
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
    """Traders who order and give up, and old news about tickets that others hold by now."""

    marketplace: Marketplace
    streams: EventStreams
    old_news: list[OrderCancelled]
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    busy: bool = True

    async def trade(self) -> None:
        while self.busy:
            order = await self.marketplace.orders(await self.marketplace.lists())
            if self.chance.random() < 0.5:
                await self.marketplace.cancels(order)
            await asyncio.sleep(0.02)  # paces the load

    async def repeat_old_news(self) -> None:
        """Each time, tickets works out the holder of a held ticket anew."""
        while self.busy:
            await self.streams.publish_again(self.chance.choice(self.old_news))
            await asyncio.sleep(0.01)  # paces the load


async def make_old(collection: Collection, keys: list[str]) -> None:
    for document in await collection.find({"_id": {"$in": keys}}).to_list(None):
        await collection.update_one({"_id": document["_id"]}, {"$set": {"version": 0}})


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
    tasks = [asyncio.create_task(each()) for each in (load.trade, load.trade, load.repeat_old_news)]
    try:
        for _ in range(3):
            for read_model in READ_MODELS:
                await make_old(marketplace.collection(read_model.service, read_model.collection), [*holders, *held])
                assert (await rebuild(marketplace.operator, read_model)).unheard == {}
    finally:
        load.busy = False
        await asyncio.gather(*tasks)

    await marketplace.settled()
    updates = (await streams.published(TicketUpdated))[events_before:]
    assert len(updates) > 0
    assert [update for update in updates if update.id in held] == []
    for ticket, order in zip(held, holders, strict=True):
        await marketplace.eventually_holds(ticket, order)


async def test_a_rebuilt_replica_is_what_the_newest_event_says_and_the_service_hears_of_it(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    listed = listed_ticket()
    changed = changed_ticket(listed, 2)
    created, cancelled, _ = order_events(listed.id)
    await streams.publish(changed, listed, cancelled, created)
    await streams.publish_bytes(f"order.created.{new_id()}", b'{"half": ')
    async with an_operator(surroundings) as connection:
        rebuilt = await rebuild(connection, TICKETS_OF_ORDERS)
        assert (rebuilt.events, rebuilt.changed, list(rebuilt.unheard)) == (2, [listed.id], [listed.id])
        found = await connection.databases["orders"]["ticket_replicas"].find_one({"_id": listed.id})
        expected = {"_id": listed.id, "version": 2, "title": "Opera", "price": 2500, "user_id": listed.user_id}
        expected[UNHEARD] = True
        assert found == expected
        async with running(surroundings, "payments"):
            await streams.eventually_quiet(*(each.name for each in CONSUMERS_OF["payments"]))
            await connection.databases["payments"]["order_replicas"].update_one(
                {"_id": created.id}, {"$set": {"status": "created"}}
            )
            rebuilt = await rebuild(connection, ORDERS_OF_PAYMENTS)
            assert (rebuilt.events, rebuilt.changed, rebuilt.unheard) == (3, [created.id], {})
            assert (await rebuild(connection, ORDERS_OF_PAYMENTS)).changed == []


async def test_progress_ends_with_all_events(surroundings: Surroundings, streams: EventStreams) -> None:
    for _ in range(11):
        await asyncio.gather(*(streams.publish(listed_ticket()) for _ in range(100)))
    seen: list[tuple[int, int]] = []
    async with an_operator(surroundings) as connection:
        rebuilt = await rebuild(connection, TICKETS_OF_ORDERS, lambda done, total: seen.append((done, total)))
    assert seen == [(500, 1100), (1000, 1100), (1100, 1100)]
    assert len(rebuilt.changed) == len(rebuilt.unheard) == 1100
