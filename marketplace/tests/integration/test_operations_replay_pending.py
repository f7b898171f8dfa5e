"""The next rebuild replays the events that a rebuild could not replay.

A correct read model alone releases no ticket: the handler of the service has to run.
"""

import json
from dataclasses import replace
from typing import Any, cast

import pytest
from marketplace.tests.integration.damageable import damageable
from marketplace.tests.integration.operated import an_operator, registered_read_models, running
from marketplace.tests.integration.typed import run

from common.domain.ids import new_id
from common.messaging.broker import Broker
from common.storage.mongo import Mongo
from devkit.servers.mongod import Mongod
from devkit.testing.events import EventStreams
from devkit.testing.running import Surroundings
from devkit.testing.samples import listed_ticket, order_events
from marketplace.operations.rebuild import rebuild
from marketplace.registry import CONSUMERS_OF
from tickets.ticket import Ticket

ORDERS_OF_TICKETS = registered_read_models("tickets", "order_replicas")


async def a_ticket_that_is_held_by_its_cancelled_order(
    surroundings: Surroundings, streams: EventStreams
) -> tuple[str, str]:
    """Stop the tickets service after its consumers have handled all events, and damage its database."""
    listed = listed_ticket()
    created, cancelled, _ = order_events(listed.id)
    async with running(surroundings, "tickets") as services:
        tickets = services["tickets"].use_cases._tickets
        await tickets.add(Ticket(id=listed.id, title="Concert", price=1999, user_id=listed.user_id, version=1))
        await streams.publish(created, cancelled)
        await streams.eventually_quiet(*(each.name for each in CONSUMERS_OF["tickets"]))
        read_models: Any = services["tickets"].collection("order_replicas")
        await read_models.update_one({"_id": created.id}, {"$set": {"version": 1, "is_live": True}})
        await (
            services["tickets"].collection("tickets").update_one({"_id": listed.id}, {"$set": {"order_id": created.id}})
        )
    return listed.id, created.id


class CtrlC(Exception):
    """Stands for a KeyboardInterrupt, which would end the test run as well."""


class BrokerUntilReplay:
    """The operator's connection; raises CtrlC at the first replay, as if the operator interrupted the command."""

    def __init__(self, broker: Any) -> None:
        self._broker = broker

    @property
    def client(self) -> Any:
        raise CtrlC

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)


async def test_the_next_rebuild_replays_what_could_not_be_replayed(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    ticket, order = await a_ticket_that_is_held_by_its_cancelled_order(surroundings, streams)
    async with an_operator(surroundings) as connection:
        assert list((await rebuild(connection, ORDERS_OF_TICKETS)).not_replayed) == [order]
        async with running(surroundings, "tickets") as services:
            assert not (await rebuild(connection, ORDERS_OF_TICKETS)).not_replayed
            found = await services["tickets"].collection("tickets").find_one({"_id": ticket})
            assert (found or {})["order_id"] is None
            read_model = await services["tickets"].collection("order_replicas").find_one({"_id": order})
            assert read_model == {"_id": order, "version": 2, "ticket_id": ticket, "is_live": False}
            assert (await rebuild(connection, ORDERS_OF_TICKETS)).changed == []


async def test_the_next_rebuild_replays_what_an_interrupted_one_did_not(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    ticket, _ = await a_ticket_that_is_held_by_its_cancelled_order(surroundings, streams)
    async with an_operator(surroundings) as connection, running(surroundings, "tickets") as services:
        broker = cast("Broker", BrokerUntilReplay(connection.broker))
        with pytest.raises(CtrlC):
            await rebuild(replace(connection, broker=broker), ORDERS_OF_TICKETS)
        assert not (await rebuild(connection, ORDERS_OF_TICKETS)).not_replayed
        found = await services["tickets"].collection("tickets").find_one({"_id": ticket})
        assert (found or {})["order_id"] is None


async def test_a_rebuild_fails_and_names_the_events_until_they_are_replayed(
    environment: dict[str, str], streams: EventStreams, mongod: Mongod
) -> None:
    created, _, _ = order_events(new_id())
    await streams.publish(created)
    mongo, owner = Mongo(mongod.url, "tickets", "pymongo"), Mongo(mongod.url, "orders", "pymongo")
    await owner.database["orders"].insert_one({"_id": created.id})
    try:
        first, second = [run(environment, "rebuild", "tickets", "order_replicas") for _ in range(2)]
        as_json = json.loads(run(environment, "rebuild", "tickets", "order_replicas", "--json").stdout)
    finally:
        await damageable(mongo.database["order_replicas"]).delete_one({"_id": created.id})
        await damageable(owner.database["orders"]).delete_one({"_id": created.id})
        await mongo.close()
        await owner.close()
    assert [each.returncode for each in (first, second)] == [1, 1]
    done, not_replayed = first.stdout.splitlines()
    assert done == "1 event of 1 aggregate read; 1 document repaired, 0 removed, 0 events replayed."
    assert not_replayed.startswith(f"The newest event of {created.id} could not be replayed to tickets (tickets-hold-")
    assert not_replayed.endswith("then run `marketplace rebuild tickets order_replicas` again.")
    done, still_not_replayed = second.stdout.splitlines()
    assert done.endswith("; 0 documents repaired, 0 removed, 0 events replayed.")
    assert still_not_replayed == not_replayed
    assert (as_json["changed"], as_json["replayed"], list(as_json["notReplayed"])) == ([], [], [created.id])
