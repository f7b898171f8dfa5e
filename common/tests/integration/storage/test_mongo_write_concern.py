"""The write concern of every write and the read concern of every read of every service, as mongod logs them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from common.tests.services import SERVICES, ServiceUnderTest
from fastapi import FastAPI

from common.domain.ids import new_id
from common.events.orders import OrderCompleted
from devkit.servers import Mongod, free_port
from devkit.testing.events import EventStreams
from devkit.testing.running import RunningService, Surroundings, somebody
from marketplace.operations.stored_data import AGGREGATES

pytestmark = pytest.mark.both_drivers

_WRITES = ("insert", "update", "delete", "findAndModify", "createIndexes")


_READS = ("find", "count", "aggregate", "distinct")


@dataclass(frozen=True)
class Logged:
    """A write or a read in mongod's log, with its write concern or read concern."""

    database: str
    collection: str
    command: str
    concern: Any


class LoggingMongod(Mongod):
    """Logs every command that it executes. Its URL has no options, so each option in the log comes from the service."""

    @property
    def url(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [*super().command(), "--setParameter", "logComponentVerbosity={command: {verbosity: 1}}"]

    def writes(self) -> list[Logged]:
        return self._logged(_WRITES, "writeConcern")

    def reads(self) -> list[Logged]:
        return self._logged(_READS, "readConcern")

    def _logged(self, names: tuple[str, ...], concern: str) -> list[Logged]:
        logged = [json.loads(line).get("attr", {}) for line in self.log_path.read_text(encoding="utf-8").splitlines()]
        commands = [each["command"] for each in logged if isinstance(each.get("command"), dict)]
        return [
            Logged(command["$db"], command[name], name, command.get(concern))
            for command in commands
            for name in names
            if name in command and command.get("$db", "config") != "config"  # those of mongod itself
        ]


@pytest.fixture
async def mongod(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LoggingMongod]:
    async with LoggingMongod(tmp_path_factory.mktemp("mongod"), free_port()) as server:
        yield server


def _created(service: ServiceUnderTest, surroundings: Surroundings) -> Callable[[], FastAPI]:
    settings = surroundings.settings(service.spec.settings, service.spec.name)
    more = {"policy": surroundings.policy} if service.spec.consumers else {}
    return lambda: service.spec.create_app(settings, **more)


async def test_every_write_waits_for_a_majority_and_for_the_journal(
    mongod: LoggingMongod, surroundings: Surroundings, streams: EventStreams
) -> None:
    """All writes of a purchase: aggregates, read models, outboxes, charges, idempotent requests, indexes.

    And its reads see only such writes: https://aphyr.com/posts/322-jepsen-mongodb-stale-reads.
    """
    async with AsyncExitStack() as lives:
        living = await asyncio.gather(
            *(
                lives.enter_async_context(surroundings.running(_created(service, surroundings), service.spec.consumers))
                for service in SERVICES
            )
        )
        running = dict(zip([service.spec.name for service in SERVICES], living, strict=True))
        await _purchase(running, streams)
        for owned in AGGREGATES:
            await streams.eventually_relayed(running[owned.service].collection(owned.collection))
        stored = {name for each in living for name in await _collections_of(each)}
    writes = mongod.writes()
    assert {(each.database, each.collection) for each in writes} == stored, "mongod has logged every write"
    assert {each.command for each in writes} == {"insert", "update", "createIndexes"}
    weaker = [each for each in writes if each.concern != {"w": "majority", "j": True}]
    assert weaker == [], "a write may be acknowledged before it is on the disk of a majority"
    dirty = [each for each in mongod.reads() if each.concern != {"level": "majority"}]
    assert dirty == [], "a read may see a write that is undone later"
    assert "find" in {each.command for each in mongod.reads()}


async def _purchase(running: dict[str, RunningService], streams: EventStreams) -> None:
    seller, buyer = somebody(), somebody()
    selling, ordering = running["tickets"].client(seller), running["orders"].client(buyer)
    signed_up = {"email": "buyer@example.com", "password": "correct horse battery"}
    assert (await running["auth"].client().post("/api/users/signup", json=signed_up)).status_code == 201
    listed = await selling.post("/api/tickets", json={"title": "Concert", "price": 19.99})
    ticket = listed.json()["id"]
    assert (await selling.put(f"/api/tickets/{ticket}", json={"title": "Opera", "price": 25})).status_code == 200
    key = {"Idempotency-Key": new_id()}
    ordered = await ordering.post("/api/orders", json={"ticketId": ticket}, headers=key)
    assert ordered.status_code == 201, ordered.text
    payment = {"orderId": ordered.json()["id"], "token": "tok_visa"}
    paid = await running["payments"].client(buyer).post("/api/payments", json=payment, headers=key)
    assert paid.status_code == 201, paid.text
    await streams.eventually_published(OrderCompleted)


async def _collections_of(running: RunningService) -> list[tuple[str, str]]:
    database: Any = running.runtime.mongo.database
    return [(database.name, collection) for collection in await database.list_collection_names()]
