"""What a rebuild could not tell the service is told by the next one: a mended read model alone releases no ticket."""

import json
from dataclasses import replace
from typing import Any

import pytest
from marketplace.tests.integration.operated import an_operator, running
from marketplace.tests.integration.typed import run

from common.domain.ids import new_id
from common.storage.mongo import Mongo
from devkit.servers.mongod import Mongod
from devkit.testing.events import EventStreams
from devkit.testing.running import Surroundings
from devkit.testing.samples import listed_ticket, order_events
from marketplace.operations.rebuild import rebuild
from marketplace.operations.stored_data import READ_MODELS
from marketplace.registry import CONSUMERS_OF
from tickets.ticket import Ticket

ORDERS_OF_TICKETS = READ_MODELS[0]


async def a_ticket_that_is_held_by_its_cancelled_order(
    surroundings: Surroundings, streams: EventStreams
) -> tuple[str, str]:
    """All of tickets' consumers have done their work; somebody's hand was in its database, then it was stopped."""
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
    """A KeyboardInterrupt would end the test run as well."""


class BrokerUntilReplay:
    """The operator's connection, until somebody presses Ctrl-C just when the service is to be told."""

    def __init__(self, broker: Any) -> None:
        self._broker = broker

    @property
    def client(self) -> Any:
        raise CtrlC

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)


async def test_what_the_service_could_not_be_told_is_told_by_the_next_rebuild(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    ticket, order = await a_ticket_that_is_held_by_its_cancelled_order(surroundings, streams)
    async with an_operator(surroundings) as connection:
        assert list((await rebuild(connection, ORDERS_OF_TICKETS)).unheard) == [order]
        async with running(surroundings, "tickets") as services:
            assert not (await rebuild(connection, ORDERS_OF_TICKETS)).unheard
            found = await services["tickets"].collection("tickets").find_one({"_id": ticket})
            assert (found or {})["order_id"] is None
            read_model = await services["tickets"].collection("order_replicas").find_one({"_id": order})
            assert read_model == {"_id": order, "version": 2, "ticket_id": ticket, "is_live": False}
            assert (await rebuild(connection, ORDERS_OF_TICKETS)).changed == []


async def test_what_an_interrupted_rebuild_did_not_tell_is_told_by_the_next_one(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    ticket, _ = await a_ticket_that_is_held_by_its_cancelled_order(surroundings, streams)
    async with an_operator(surroundings) as connection, running(surroundings, "tickets") as services:
        with pytest.raises(CtrlC):
            await rebuild(replace(connection, broker=BrokerUntilReplay(connection.broker)), ORDERS_OF_TICKETS)
        assert not (await rebuild(connection, ORDERS_OF_TICKETS)).unheard
        found = await services["tickets"].collection("tickets").find_one({"_id": ticket})
        assert (found or {})["order_id"] is None


async def test_a_rebuild_says_who_could_not_be_told_of_what_and_fails_until_it_is(
    environment: dict[str, str], streams: EventStreams, mongod: Mongod
) -> None:
    created, _, _ = order_events(new_id())
    await streams.publish(created)
    mongo = Mongo(mongod.url, "tickets", "pymongo")
    try:
        first, second = [run(environment, "rebuild", "tickets", "order_replicas") for _ in range(2)]
        told = json.loads(run(environment, "rebuild", "tickets", "order_replicas", "--json").stdout)
    finally:
        await mongo.database["order_replicas"].delete_one({"_id": created.id})  # type: ignore[attr-defined]
        await mongo.close()
    assert [each.returncode for each in (first, second)] == [1, 1]
    done, unheard = first.stdout.splitlines()
    assert done == "1 event of 1 aggregate read; 1 read model mended, 0 removed, 0 told."
    assert unheard.startswith(f"tickets could not be told of {created.id} (tickets-hold-ticket-on-order-created does")
    assert unheard.endswith("When that is mended, rebuild once more.")
    done, still_unheard = second.stdout.splitlines()
    assert done.endswith("; 0 read models mended, 0 removed, 0 told.")
    assert still_unheard == unheard
    assert (told["changed"], told["told"], list(told["unheard"])) == ([], [], [created.id])
