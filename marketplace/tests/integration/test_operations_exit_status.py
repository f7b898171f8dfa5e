"""The operators' commands exit with status 1 if something is wrong, so that scripts can rely on it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import typer
from nats.aio.msg import Msg
from typer.testing import CliRunner, Result

from common.domain.ids import new_id
from common.messaging import dead_letters as dead_letter
from common.messaging.provisioning import provision_consumers
from common.messaging.replay import REPLAYED, replay_subject
from common.storage.mongo import Mongo
from devkit.servers.mongod import Mongod
from devkit.testing.events import EventStreams
from devkit.testing.samples import order_events
from marketplace.operations.audit_command import audit_everything
from marketplace.operations.dead_letter_commands import replay_letters
from marketplace.operations.lag_command import lag
from marketplace.operations.rebuild_command import rebuild_one
from marketplace.operations.timeline_command import timeline
from marketplace.registry import CONSUMERS_OF

pytestmark = pytest.mark.slow


async def invoked(environment: dict[str, str], command: Callable[..., Any], *arguments: str) -> Result:
    """Run a command in a thread of this process."""
    app = typer.Typer()
    app.command()(command)
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=environment)


@pytest.fixture
async def order_replicas_of_payments(mongod: Mongod) -> AsyncIterator[Any]:
    mongo = Mongo(mongod.url, "payments", "pymongo")
    collection: Any = mongo.database["order_replicas"]
    yield collection
    await collection.delete_many({})
    await mongo.close()


async def test_an_audit_that_finds_a_difference_exits_with_1(
    environment: dict[str, str], streams: EventStreams, order_replicas_of_payments: Any
) -> None:
    await order_replicas_of_payments.insert_one({"_id": (orphan := new_id()), "version": 1})
    done = await invoked(environment, audit_everything)
    assert done.exit_code == 1
    assert orphan in done.stdout


@pytest.fixture
async def orders(mongod: Mongod) -> AsyncIterator[Any]:
    mongo = Mongo(mongod.url, "orders", "pymongo")
    collection: Any = mongo.database["orders"]
    yield collection
    await collection.delete_many({})
    await mongo.close()


async def test_a_rebuild_whose_service_is_down_exits_with_1(
    environment: dict[str, str], streams: EventStreams, order_replicas_of_payments: Any, orders: Any
) -> None:
    created, _, _ = order_events(new_id())
    await streams.publish(created)
    await orders.insert_one({"_id": created.id})
    done = await invoked(environment, rebuild_one, "payments", "order_replicas")
    assert done.exit_code == 1
    assert f"The newest event of {created.id} could not be replayed to payments" in done.stdout


async def test_a_rebuild_that_brings_back_what_its_owner_lost_exits_with_1(
    environment: dict[str, str], streams: EventStreams, order_replicas_of_payments: Any
) -> None:
    """The database of orders is lost, and the stream is kept: a person must decide whether the order exists."""
    created, _, _ = order_events(new_id())
    await streams.publish(created)

    async def answer(message: Msg) -> None:
        await message.respond(REPLAYED)

    for consumer in CONSUMERS_OF["payments"]:
        await streams.broker.client.subscribe(replay_subject(consumer.name), cb=answer)
    done = await invoked(environment, rebuild_one, "payments", "order_replicas")
    assert done.stdout == (
        "1 event of 1 aggregate read; 1 document repaired, 0 removed, 1 event replayed; "
        f"1 of the repaired ones is not in the database of orders: {created.id}.\n"
    )
    assert done.exit_code == 1


async def test_a_replay_that_fails_exits_with_1(environment: dict[str, str], streams: EventStreams) -> None:
    consumer = "tickets-hold-ticket-on-order-created"
    headers = {dead_letter.CONSUMER: consumer, dead_letter.SUBJECT: "order.created.x", dead_letter.REASON: "no"}
    await streams.publish_bytes(f"dead-letter.{consumer}", b"{}", headers)
    done = await invoked(environment, replay_letters, "1")
    assert done.exit_code == 1
    assert "is its service running?" in done.stdout


async def test_lag_exits_with_1_if_a_consumer_is_missing(environment: dict[str, str], streams: EventStreams) -> None:
    done = await invoked(environment, lag)
    assert done.exit_code == 1
    assert "missing: not provisioned" in done.stdout


async def test_lag_exits_with_1_if_an_event_stays_in_its_outbox(
    environment: dict[str, str], streams: EventStreams, mongod: Mongod
) -> None:
    """All consumers have a subscriber."""
    for consumers in CONSUMERS_OF.values():
        await provision_consumers(streams.broker.jetstream, consumers)
        for consumer in consumers:
            await streams.broker.client.subscribe(f"deliver.{consumer.name}", queue=consumer.name)
    mongo = Mongo(mongod.url, "tickets", "pymongo")
    tickets: Any = mongo.database["tickets"]
    assert (await invoked(environment, lag)).exit_code == 0
    await tickets.insert_one({"_id": "damaged", "outbox": [{"id": "no more"}]})
    done = await invoked(environment, lag)
    await tickets.delete_one({"_id": "damaged"})
    await mongo.close()
    assert done.exit_code == 1
    assert "tickets tickets: 1 staged event cannot be read" in done.stdout


async def test_a_timeline_without_an_event_exits_with_1(environment: dict[str, str], streams: EventStreams) -> None:
    assert (await invoked(environment, timeline, new_id())).exit_code == 1
