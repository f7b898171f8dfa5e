"""A rebuild changes no document that the service has changed meanwhile, and none that may be the last copy."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from marketplace.tests.integration.interrupted import interrupted
from marketplace.tests.integration.operated import an_operator, registered_read_models
from pymongo.errors import BulkWriteError

from common.domain.clock import utc_now
from common.domain.ids import OrderId, UserId, new_id
from devkit.testing.events import EventStreams
from devkit.testing.running import Surroundings
from devkit.testing.samples import order_events
from marketplace.operations.operator import Operator
from marketplace.operations.rebuild import rebuild
from payments.gateway.protocol import ChargeId
from payments.payment import Payment

ORDERS_OF_TICKETS = registered_read_models("tickets", "order_replicas")
PAYMENTS_OF_PAGES = registered_read_models("storefront", "payments")


@pytest.fixture
async def operator(surroundings: Surroundings) -> AsyncIterator[Operator]:
    async with an_operator(surroundings) as connection:
        yield connection


async def test_an_orphan_that_the_service_updates_meanwhile_is_not_removed(operator: Operator) -> None:
    read_models = operator.databases["tickets"]["order_replicas"]
    order = {"_id": new_id(), "version": 1, "ticket_id": new_id(), "is_live": True}
    await read_models.insert_one(order)

    async def its_next_event_arrives() -> None:
        await read_models.update_one({"_id": order["_id"]}, {"$set": {"version": 2, "is_live": False}})

    await rebuild(interrupted(operator, "write", its_next_event_arrives), ORDERS_OF_TICKETS)
    assert await read_models.find_one({"_id": order["_id"]}) == {**order, "version": 2, "is_live": False}


async def test_an_orphan_that_nothing_has_changed_is_removed(operator: Operator) -> None:
    read_models = operator.databases["tickets"]["order_replicas"]
    orphan = {"_id": new_id(), "version": 1, "ticket_id": new_id(), "is_live": True}
    await read_models.insert_one(orphan)
    assert (await rebuild(operator, ORDERS_OF_TICKETS)).removed == [orphan["_id"]]
    assert await read_models.find_one({"_id": orphan["_id"]}) is None


async def test_an_order_whose_event_arrives_during_the_rebuild_keeps_its_read_model(
    operator: Operator, streams: EventStreams
) -> None:
    """Also if its owner has lost it: the event in the stream is reason enough."""
    created, _, _ = order_events(new_id())
    read_models = operator.databases["tickets"]["order_replicas"]
    known = {"_id": created.id, "version": 1, "ticket_id": created.ticket.id, "is_live": True}

    async def it_is_placed() -> None:
        await streams.publish(created)
        await read_models.insert_one(known)

    assert (await rebuild(interrupted(operator, "look", it_is_placed), ORDERS_OF_TICKETS)).removed == []
    assert await read_models.find_one({"_id": created.id}) == known


async def test_an_order_whose_event_is_not_in_the_stream_keeps_its_read_model(operator: Operator) -> None:
    """Its event is still in the outbox, or lost, but its owner has the order."""
    created, _, _ = order_events(new_id())
    known = {"_id": created.id, "version": 1, "ticket_id": created.ticket.id, "is_live": True}
    await operator.databases["tickets"]["order_replicas"].insert_one(known)
    await operator.databases["orders"]["orders"].insert_one({"_id": created.id, "status": "created"})
    assert (await rebuild(operator, ORDERS_OF_TICKETS)).removed == []
    assert await operator.databases["tickets"]["order_replicas"].find_one({"_id": created.id}) == known


@pytest.mark.parametrize("captured", [True, False], ids=["captured", "pending"])
async def test_a_copy_without_an_event_is_kept_only_if_its_owner_publishes_it(
    operator: Operator, *, captured: bool
) -> None:
    order, buyer = OrderId(new_id()), UserId(new_id())
    payment = Payment.begin(order_id=order, buyer=buyer, amount=1999, token="pm_card_visa", now=utc_now())
    if captured:
        payment.capture(ChargeId("ch_1"))
    await operator.databases["payments"]["payments"].insert_one(payment.to_document())
    copies = operator.databases["storefront"]["payments"]
    await copies.insert_one(PAYMENTS_OF_PAGES.of(payment.to_document()))
    rebuilt = await rebuild(operator, PAYMENTS_OF_PAGES)
    assert rebuilt.removed == ([] if captured else [payment.id])
    assert await copies.count_documents({}) == int(captured)


async def test_a_newer_read_model_of_an_unreadable_owner_is_kept(operator: Operator, streams: EventStreams) -> None:
    created, _, _ = order_events(new_id())
    await streams.publish(created)
    newer = {"_id": created.id, "version": 2, "ticket_id": created.ticket.id, "is_live": False}
    await operator.databases["tickets"]["order_replicas"].insert_one(newer)
    await operator.databases["orders"]["orders"].insert_one({"_id": created.id, "version": 2, "status": "lost"})
    assert (await rebuild(operator, ORDERS_OF_TICKETS)).changed == []
    assert await operator.databases["tickets"]["order_replicas"].find_one({"_id": created.id}) == newer


async def test_a_newer_read_model_whose_event_was_lost_is_kept(operator: Operator, streams: EventStreams) -> None:
    created, cancelled, _ = order_events(new_id())
    await streams.publish(created)
    newer = {"_id": created.id, "version": 2, "ticket_id": created.ticket.id, "is_live": False}
    await operator.databases["tickets"]["order_replicas"].insert_one(newer)
    document = cancelled.model_dump()
    document["_id"] = document.pop("id")
    await operator.databases["orders"]["orders"].insert_one(document)
    assert (await rebuild(operator, ORDERS_OF_TICKETS)).changed == []
    assert await operator.databases["tickets"]["order_replicas"].find_one({"_id": created.id}) == newer


async def test_a_damaged_read_model_gets_the_state_of_the_newest_event(
    operator: Operator, streams: EventStreams
) -> None:
    """Also if its version is higher than that of all events, and of its owner."""
    created, cancelled, _ = order_events(new_id())
    await streams.publish(cancelled, created)
    damaged = {"_id": created.id, "version": 99, "ticket_id": created.ticket.id, "is_live": True}
    await operator.databases["tickets"]["order_replicas"].insert_one(damaged)
    assert (await rebuild(operator, ORDERS_OF_TICKETS)).changed == [created.id]
    found = await operator.databases["tickets"]["order_replicas"].find_one({"_id": created.id}) or {}
    assert (found["version"], found["is_live"]) == (2, False)


async def test_a_rebuild_fails_if_a_write_is_refused_and_the_next_one_succeeds(
    operator: Operator, streams: EventStreams
) -> None:
    """MongoDB refuses one of three writes. Another one finds a newer version of the service, which is no failure."""
    (refused, _, _), (stored, cancelled, _), (accepted, _, _) = (order_events(new_id()) for _ in range(3))
    await streams.publish(refused, stored, accepted)
    database: Any = operator.databases["tickets"]
    read_models = await database.create_collection("order_replicas", validator={"_id": {"$ne": refused.id}})
    newer = {"_id": stored.id, "version": cancelled.version, "ticket_id": stored.ticket.id, "is_live": False}

    async def the_service_stores_a_newer_one() -> None:
        await read_models.insert_one(newer)

    with pytest.raises(BulkWriteError, match="validation"):
        await rebuild(interrupted(operator, "write", the_service_stores_a_newer_one), ORDERS_OF_TICKETS)
    assert await read_models.find_one({"_id": stored.id}) == newer

    await database.command({"collMod": "order_replicas", "validator": {}})
    await streams.publish(cancelled)
    assert (await rebuild(operator, ORDERS_OF_TICKETS)).changed == [refused.id]


async def test_a_rebuild_accepts_a_version_that_the_service_has_stored_meanwhile(
    operator: Operator, streams: EventStreams
) -> None:
    """The write fails with a duplicate key: the service has a newer version already."""
    created, cancelled, _ = order_events(new_id())
    await streams.publish(created)
    read_models = operator.databases["tickets"]["order_replicas"]
    newer = {"_id": created.id, "version": cancelled.version, "ticket_id": created.ticket.id, "is_live": False}

    async def the_service_stores_a_newer_one() -> None:
        await read_models.insert_one(newer)

    await rebuild(interrupted(operator, "write", the_service_stores_a_newer_one), ORDERS_OF_TICKETS)
    assert await read_models.find_one({"_id": created.id}) == newer


async def test_a_rebuild_names_what_it_brought_back_and_its_owner_does_not_have(
    operator: Operator, streams: EventStreams
) -> None:
    """The database of orders is restored from a backup that has only the first order."""
    all_created = [order_events(new_id())[0] for _ in range(5)]
    await streams.publish(*all_created)
    kept, *lost = (created.id for created in all_created)
    await operator.databases["orders"]["orders"].insert_one({"_id": kept, "status": "unreadable"})
    rebuilt = await rebuild(operator, ORDERS_OF_TICKETS)
    assert (rebuilt.changed, rebuilt.without_owner) == ([kept, *lost], lost)
    assert rebuilt.as_json()["withoutOwner"] == lost
    assert rebuilt.summary == (
        "5 documents repaired, 0 removed, 0 events replayed; "
        f"4 of the repaired ones are not in the database of orders: {', '.join(lost[:3])} and 1 more"
    )


async def test_of_two_events_of_one_version_a_rebuild_applies_the_later_one(
    operator: Operator, streams: EventStreams
) -> None:
    """The owner was restored from a backup and has published the later one, so this is the state that it has."""
    created, cancelled, completed = order_events(new_id())
    await streams.publish(created, cancelled)
    await streams.publish_again(completed.model_copy(update={"id": created.id}))
    await rebuild(operator, ORDERS_OF_TICKETS)
    found = await operator.databases["tickets"]["order_replicas"].find_one({"_id": created.id}) or {}
    assert (found["version"], found["is_live"]) == (2, True)
