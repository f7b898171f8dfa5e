"""What the audit finds in databases and streams that were damaged on purpose, and what --repair makes of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from marketplace.tests.integration.operated import Marketplace, a_marketplace
from nats.js.errors import NotFoundError

from common.domain.clock import utc_now
from common.domain.ids import new_id
from common.messaging.broker import Broker
from common.messaging.provisioning import provision_streams
from common.messaging.streams import DOMAIN_EVENTS, GENERAL_EVENTS, STREAMS
from devkit.servers.mongod import Mongod
from devkit.servers.nats_server import NatsServer
from devkit.testing.keys import KeyPair
from devkit.testing.running import Surroundings
from marketplace.operations.audit import audit
from marketplace.operations.repair import repair
from marketplace.operations.snapshot import take_snapshot
from marketplace.operations.stored_data import AGGREGATES

HELD = "a ticket is held by its live order"
CHARGES = "every charge ends as a completed order or a refund"
TICKETS_KNOWS = "tickets order_replicas equal what orders has"
ORDERS_KNOWS = "orders ticket_replicas equal what tickets has"
PAYMENTS_KNOWS = "payments order_replicas equal what orders has"


@pytest.fixture(scope="module", params=["motor", "pymongo"])
async def marketplace(
    request: pytest.FixtureRequest, mongod: Mongod, nats_server: NatsServer, keys: KeyPair
) -> AsyncIterator[Marketplace]:
    """One for all damages of this file, each of which is undone: to start it takes longer than to damage it."""
    broker = Broker(nats_server.url, "test")
    await broker.connect()
    await broker.jetstream.add_stream(name="NEVER_EMPTY", subjects=["never-empty"])
    for stream in STREAMS:
        with suppress(NotFoundError):
            await broker.jetstream.delete_stream(stream.name)
    await provision_streams(broker.jetstream)
    surroundings = Surroundings(mongod.url, nats_server.url, request.param, keys, broker, new_id())
    async with a_marketplace(surroundings) as marketplace:
        yield marketplace
    await broker.close()


@dataclass
class Story:
    """Three tickets: one is free after a cancelled order, one is held, one is sold."""

    marketplace: Marketplace
    free: str
    cancelled: str
    held: str
    open: str
    sold: str
    completed: str
    payment: str
    _lost: list[Any] = field(default_factory=list)
    _before: dict[tuple[str, str], list[Any]] = field(default_factory=dict)

    async def change(self, service: str, name: str, key: str, **values: object) -> None:
        written = await self.marketplace.collection(service, name).update_one({"_id": key}, {"$set": values})
        assert written.matched_count == 1

    async def lose(self, subject: str, stream: str = DOMAIN_EVENTS.name) -> None:
        jetstream = self.marketplace.operator.broker.jetstream
        message = await jetstream.get_msg(stream, subject=subject)
        assert await jetstream.delete_msg(stream, message.seq or 0)
        self._lost.append(message)

    async def remember(self) -> None:
        """How everything was before the damage."""
        for place in (*((owned.service, owned.collection) for owned in AGGREGATES), ("payments", "sandbox_charges")):
            self._before[place] = await self.marketplace.collection(*place).find({}).to_list(None)

    async def undo_the_damage(self) -> None:
        for place, documents in self._before.items():
            collection: Any = self.marketplace.collection(*place)
            await collection.delete_many({})
            if documents:
                await collection.insert_many(documents)
        for message in self._lost:
            headers = {name: value for name, value in message.headers.items() if name != "Nats-Msg-Id"}
            await self.marketplace.operator.broker.jetstream.publish(message.subject, message.data, headers=headers)


@pytest.fixture
async def story(marketplace: Marketplace) -> AsyncIterator[Story]:
    free, held, sold = [await marketplace.lists() for _ in range(3)]
    cancelled, opened, completed = [await marketplace.orders(ticket) for ticket in (free, held, sold)]
    await marketplace.cancels(cancelled)
    payment = await marketplace.pays(completed)
    await marketplace.settled()
    story = Story(marketplace, free, cancelled, held, opened, sold, completed, payment)
    await story.remember()
    yield story
    if (await audit(marketplace.operator, settle_seconds=0)).differences:
        await story.undo_the_damage()
    await marketplace.settled()


async def replica_missing(story: Story) -> None:
    await story.marketplace.collection("tickets", "order_replicas").delete_one({"_id": story.open})


async def replica_old(story: Story) -> None:
    await story.change("orders", "ticket_replicas", story.held, version=1)
    await story.change("tickets", "order_replicas", story.cancelled, version=1, is_live=True)


async def replica_wrong_at_the_same_version(story: Story) -> None:
    await story.change("payments", "order_replicas", story.open, price=1)


async def replica_newer_than_any_event(story: Story) -> None:
    await story.change("tickets", "order_replicas", story.open, version=99, is_live=False)


async def replica_without_a_version(story: Story) -> None:
    await story.marketplace.collection("tickets", "order_replicas").update_one(
        {"_id": story.open}, {"$unset": {"version": 1}}
    )


async def replica_orphaned(story: Story) -> None:
    orphan = {"_id": new_id(), "version": 1, "ticket_id": story.free, "is_live": True}
    await story.marketplace.collection("tickets", "order_replicas").insert_one(orphan)


async def ticket_held_by_a_dead_order(story: Story) -> None:
    await story.change("tickets", "tickets", story.free, order_id=story.cancelled)


async def ticket_held_by_an_order_that_nobody_knows(story: Story) -> None:
    await story.change("tickets", "tickets", story.free, order_id=new_id())


async def ticket_not_held_by_its_open_order(story: Story) -> None:
    await story.change("tickets", "tickets", story.held, order_id=None)


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (replica_missing, TICKETS_KNOWS),
        (replica_old, TICKETS_KNOWS),
        (replica_old, ORDERS_KNOWS),
        (replica_wrong_at_the_same_version, PAYMENTS_KNOWS),
        (replica_newer_than_any_event, TICKETS_KNOWS),
        (replica_without_a_version, TICKETS_KNOWS),
        (replica_orphaned, TICKETS_KNOWS),
        (ticket_held_by_a_dead_order, HELD),
        (ticket_held_by_an_order_that_nobody_knows, HELD),
        (ticket_not_held_by_its_open_order, HELD),
    ],
)
async def test_the_audit_finds_it_and_the_repair_mends_it(
    story: Story, damage: Callable[[Story], Awaitable[None]], rule: str
) -> None:
    await damage(story)
    report = await audit(story.marketplace.operator, settle_seconds=0)
    assert rule in {difference.rule for difference in report.differences}
    repaired = await repair(story.marketplace.operator, report)
    assert repaired.unheard == {}
    await story.marketplace.settled()
    await story.marketplace.eventually_holds(story.free, None)
    await story.marketplace.eventually_holds(story.held, story.open)
    await story.marketplace.eventually_holds(story.sold, story.completed)


async def payment_of_a_cancelled_order(story: Story) -> None:
    await story.change("payments", "payments", story.payment, order_id=story.cancelled)


async def payment_forgotten(story: Story) -> None:
    await story.marketplace.collection("payments", "payments").delete_one({"_id": story.payment})


async def second_live_order(story: Story) -> None:
    orders = story.marketplace.collection("orders", "orders")
    original = await orders.find_one({"_id": story.open}) or {}
    await orders.drop_index("one_live_order_a_ticket")
    await orders.insert_one({**original, "_id": new_id(), "outbox": []})


async def deadline_that_never_rang(story: Story) -> None:
    await story.change("orders", "orders", story.open, expires_at=utc_now() - timedelta(minutes=1))


async def deadline_forgotten(story: Story) -> None:
    await story.marketplace.collection("expiration", "deadlines").delete_one({"_id": story.open})


async def event_of_an_order_lost(story: Story) -> None:
    await story.lose(f"order.cancelled.{story.cancelled}")


async def first_event_of_an_order_lost(story: Story) -> None:
    await story.lose(f"order.created.{story.cancelled}")


async def event_of_a_payment_lost(story: Story) -> None:
    await story.lose(f"payment.created.{story.payment}")


async def user_whose_event_was_lost(story: Story) -> None:
    await story.marketplace.collection("auth", "users").insert_one(
        {"_id": new_id(), "version": 1, "email": "a@example.com", "password_hash": "secret", "outbox": []}
    )


async def owner_behind_its_events(story: Story) -> None:
    await story.change("orders", "orders", story.cancelled, version=1, status="created")


async def owner_differs_from_its_event(story: Story) -> None:
    await story.change("tickets", "tickets", story.sold, price=1)


async def owner_out_of_shape(story: Story) -> None:
    await story.change("orders", "orders", story.open, status="lost")


async def charge_without_an_outcome(story: Story) -> None:
    charges = story.marketplace.collection("payments", "sandbox_charges")
    await charges.update_one({"_id": story.payment}, {"$unset": {"outcome": 1}})


async def charge_without_an_amount(story: Story) -> None:
    await story.change("payments", "sandbox_charges", story.payment, request=7)


async def outbox_out_of_shape(story: Story) -> None:
    await story.marketplace.services["orders"].runtime.relay.drain(1)
    await story.change("orders", "orders", story.completed, outbox=[{"id": 1}])


async def outbox_that_is_no_list(story: Story) -> None:
    await story.marketplace.services["orders"].runtime.relay.drain(1)
    await story.change("orders", "orders", story.completed, outbox=7)


async def event_stuck_in_its_outbox(story: Story) -> None:
    old = {"id": "x", "subject": "y", "data": "{}", "headers": {}, "staged_at": utc_now() - timedelta(minutes=1)}
    await story.marketplace.services["tickets"].runtime.relay.drain(1)
    await story.change("tickets", "tickets", story.free, outbox=[old])


@pytest.mark.parametrize(
    ("damage", "rules"),
    [
        (payment_of_a_cancelled_order, {CHARGES, "a completed order has its captured payment"}),
        (
            payment_forgotten,
            {
                "captured minus refunded is what the completed orders cost",
                "the sandbox was charged once a captured payment",
            },
        ),
        (second_live_order, {"one live order a ticket"}),
        (deadline_that_never_rang, {"a deadline is pending as long as its order is open"}),
        (deadline_forgotten, {"a deadline is pending as long as its order is open"}),
        (event_of_an_order_lost, {"orders orders equal their events"}),
        (first_event_of_an_order_lost, {"orders orders equal their events"}),
        (event_of_a_payment_lost, {"payments payments equal their events"}),
        (user_whose_event_was_lost, {"auth users equal their events"}),
        (owner_behind_its_events, {"orders orders equal their events"}),
        (owner_differs_from_its_event, {"tickets tickets equal their events"}),
        (owner_out_of_shape, {"orders orders can be read"}),
        (charge_without_an_outcome, {"payments sandbox_charges can be read"}),
        (charge_without_an_amount, {"payments sandbox_charges can be read"}),
        (outbox_out_of_shape, {"orders orders can be read"}),
        (outbox_that_is_no_list, {"orders orders can be read"}),
        (event_stuck_in_its_outbox, {"no event stays in an outbox"}),
    ],
)
async def test_the_audit_finds_what_only_a_person_can_mend(
    story: Story, damage: Callable[[Story], Awaitable[None]], rules: set[str]
) -> None:
    await damage(story)
    report = await audit(story.marketplace.operator, settle_seconds=0)
    assert rules <= {difference.rule for difference in report.differences}


async def test_a_lost_event_is_no_reason_to_take_a_replica_back(story: Story) -> None:
    await event_of_an_order_lost(story)
    await replica_missing(story)
    report = await audit(story.marketplace.operator, settle_seconds=0)
    await repair(story.marketplace.operator, report)
    left = await audit(story.marketplace.operator, settle_seconds=0)
    assert {(each.rule, each.subject) for each in left.differences} == {
        ("orders orders equal their events", story.cancelled)
    }


async def test_an_expired_deadline_has_its_event(story: Story) -> None:
    body = {"ticketId": story.free, "windowSeconds": 1}
    client = story.marketplace.client("orders", story.marketplace.buyer)
    order = (await client.post("/api/orders", json=body)).json()["id"]
    await story.marketplace.eventually_holds(story.free, order)
    await story.marketplace.eventually_holds(story.free, None)
    await story.marketplace.settled()
    await story.remember()
    await story.lose(f"expiration.completed.{order}", GENERAL_EVENTS.name)
    report = await audit(story.marketplace.operator, settle_seconds=0)
    assert [(each.rule, each.subject) for each in report.differences] == [
        ("expiration deadlines equal their events", order)
    ]


async def test_what_is_on_its_way_is_no_difference(story: Story) -> None:
    """What the audit sees at its first look is gone at the second."""
    await replica_missing(story)
    first = await audit(story.marketplace.operator, settle_seconds=0)
    assert first.differences
    report, _ = await asyncio.gather(
        audit(story.marketplace.operator, settle_seconds=15), repair(story.marketplace.operator, first)
    )
    assert report.differences == []


async def test_no_password_is_read(story: Story) -> None:
    await user_whose_event_was_lost(story)
    snapshot = await take_snapshot(story.marketplace.operator)
    (user,) = snapshot.documents("auth", "users").values()
    assert "password_hash" not in user
