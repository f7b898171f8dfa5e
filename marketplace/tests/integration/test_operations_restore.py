"""The databases of services are restored from backups that are older than the stream, and an operator completes them.

The cases come from own tests of this platform: orders, restored from a backup that was two seconds older, sold a paid
ticket again; and after all databases were lost, the audit found no difference.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

import httpx
import pytest
from marketplace.tests.integration.backups import Backup, Trade, a_trade, back_up, present_states, put_back
from marketplace.tests.integration.operated import Marketplace, a_marketplace, an_operator, running

from common.domain.clock import utc_now
from common.domain.ids import new_id
from common.events.envelope import StagedEvent
from common.events.users import UserRegistered
from common.runtime.restore_check import RESTORES
from common.storage.collection import Document
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import Surroundings, missing, somebody
from devkit.testing.samples import listed_ticket
from marketplace.operations.audit import audit
from marketplace.operations.operator import Operator
from marketplace.operations.repair import repair
from marketplace.operations.restore import restore
from marketplace.operations.stored_data import AGGREGATES, owned
from payments.payment import OrderNotOpen

OWNERS = [each.service for each in AGGREGATES]
TRADING = [each for each in OWNERS if each != "auth"]


@dataclass
class Stopped:
    """The services have traded and are stopped."""

    trade: Trade
    operator: Operator
    surroundings: Surroundings
    states: dict[str, list[Document]]
    """The state of all aggregates when the services stopped."""

    async def lose(self, *services: str) -> None:
        for service in services:
            await put_back(self.operator, service, {})

    async def put_back(self, *services: str) -> None:
        for service in services:
            await put_back(self.operator, service, self.trade.backups[service])

    async def start_and_repair(self) -> None:
        """Start the services, and let the audit repair what follows from the restored data."""
        async with a_marketplace(self.surroundings) as marketplace:
            await repair(self.operator, await audit(self.operator))
            await marketplace.settled()


@pytest.fixture
async def stopped(surroundings: Surroundings) -> AsyncIterator[Stopped]:
    async with a_marketplace(surroundings) as marketplace:
        trade = await a_trade(marketplace)
    async with an_operator(surroundings) as operator:
        yield Stopped(trade, operator, surroundings, await present_states(operator))


@pytest.mark.slow
@pytest.mark.parametrize("service", TRADING)
async def test_one_database_is_restored_from_an_older_backup(stopped: Stopped, service: str) -> None:
    await stopped.put_back(service)
    restored = await restore(stopped.operator, owned(service))
    assert restored.not_restored == {}
    await stopped.start_and_repair()
    assert await present_states(stopped.operator) == stopped.states


@pytest.mark.slow
@pytest.mark.parametrize("lost", [False, True], ids=["older", "lost"])
async def test_all_databases_are_restored(stopped: Stopped, lost: bool) -> None:
    await (stopped.lose(*TRADING) if lost else stopped.put_back(*TRADING))
    for service in TRADING:
        assert (await restore(stopped.operator, owned(service))).not_restored == {}
    await stopped.start_and_repair()
    assert await present_states(stopped.operator) == stopped.states


@pytest.mark.slow
async def test_an_older_database_sells_no_ticket_again(stopped: Stopped) -> None:
    """The order was open at the time of the backup. Later it was paid, and the ticket was sold."""
    trade = stopped.trade
    await put_back(stopped.operator, "orders", without(trade.backups["orders"], trade.paid_later))
    buyer = somebody()
    async with running(stopped.surroundings, "tickets", "orders", wait=False) as services:
        order = partial(services["orders"].client(buyer).post, "/api/orders", json={"ticketId": trade.its_ticket})
        answer = await order()
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (503, "dependency-unavailable")
        await restore(stopped.operator, owned("orders"))
        answer = await eventually(order, until=lambda seen: seen.status_code != 503, what="orders at work")
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "ticket-not-available")


@pytest.mark.slow
async def test_an_older_database_sells_no_ticket_at_an_old_price(stopped: Stopped) -> None:
    """The service learned the new price after the backup, and its consumer does not receive the event again."""
    trade = stopped.trade
    await stopped.put_back("orders")
    restored = await restore(stopped.operator, owned("orders"))
    assert trade.cheaper in restored.read_models
    replica = await stopped.operator.databases["orders"]["ticket_replicas"].find_one({"_id": trade.cheaper})
    assert replica is not None
    assert replica["price"] == 1500


@pytest.mark.slow
async def test_a_change_after_a_restore_is_published_with_a_new_version(surroundings: Surroundings) -> None:
    """The database was restored while its service was running. The ticket then got a second event of version 2."""
    async with a_marketplace(surroundings) as marketplace:
        ticket = await marketplace.lists()
        before = await back_up(marketplace.operator, "tickets")
        assert (await changes(marketplace, ticket, price=500)).status_code == 200
        await marketplace.settled()
        await put_back(marketplace.operator, "tickets", before)
        assert (await changes(marketplace, ticket, price=15)).status_code == 200
        runtime = marketplace.services["tickets"].runtime
        await eventually(lambda: missing(runtime), until=lambda seen: "other events" in seen, what="a taken id")
        assert (await changes(marketplace, ticket, price=20)).status_code == 503
        restored = await restore(marketplace.operator, owned("tickets"))
        assert (restored.republished, restored.updated, restored.created) == ([ticket], [], [])
        await eventually(
            lambda: marketplace.collection("orders", "ticket_replicas").find_one({"_id": ticket, "price": 1500}),
            what="the new price in the orders service",
        )
        await marketplace.settled()
        assert (await changes(marketplace, ticket, price=20)).status_code == 200


@pytest.mark.slow
async def test_a_restored_payment_is_refunded_when_its_order_is_cancelled(stopped: Stopped) -> None:
    """The payment was made after the backup, and its order is cancelled before the payment completes it."""
    trade = stopped.trade
    await stopped.put_back("payments")
    (payment,) = (await restore(stopped.operator, owned("payments"))).created
    for service, collection in (("orders", "orders"), ("payments", "order_replicas")):
        await stopped.operator.databases[service][collection].update_one(
            {"_id": trade.paid_later}, {"$set": {"status": "cancelled", "version": 9}}
        )
    async with running(stopped.surroundings, "payments") as services:
        with pytest.raises(OrderNotOpen, match="refunded"):
            await services["payments"].use_cases.finish(payment)


async def test_users_are_not_created_without_a_password(surroundings: Surroundings, streams: EventStreams) -> None:
    """The service then starts without them, and their addresses can be used again."""
    user = UserRegistered(id=new_id(), version=1, email="buyer@example.com")
    await streams.publish(user)
    async with running(surroundings, "auth", wait=False) as services, an_operator(surroundings) as operator:
        await eventually(
            lambda: missing(services["auth"].runtime), until=lambda seen: "restore-done auth" in seen, what="a wait"
        )
        restored = await restore(operator, owned("auth"))
        assert restored.not_restored == {
            user.id: "its event does not contain everything: password_hash: Field required"
        }
        await eventually(lambda: missing(services["auth"].runtime), until=lambda seen: seen == "", what="readiness")


async def test_an_event_that_cannot_be_parsed_is_reported(surroundings: Surroundings, streams: EventStreams) -> None:
    """A newer version of the service may have published it. The service starts without it."""
    event = listed_ticket()
    await streams.publish_bytes(event.subject, b"{", StagedEvent.stage(event, utc_now()).headers)
    async with running(surroundings, "tickets", wait=False) as services, an_operator(surroundings) as operator:
        await eventually(
            lambda: missing(services["tickets"].runtime), until=lambda seen: event.event_id in seen, what="a wait"
        )
        restored = await restore(operator, owned("tickets"))
        assert restored.not_restored == {event.id: f"the database lacks its event {event.event_id}"}
        await eventually(lambda: missing(services["tickets"].runtime), until=lambda seen: seen == "", what="readiness")


async def test_a_complete_database_is_not_changed(stopped: Stopped) -> None:
    before = {service: await back_up(stopped.operator, service) for service in TRADING}
    for service in TRADING:
        restored = await restore(stopped.operator, owned(service))
        assert (restored.updated, restored.created, restored.republished, restored.not_restored) == ([], [], [], {})
    after = {service: await back_up(stopped.operator, service) for service in TRADING}
    assert {service: {**each, RESTORES: []} for service, each in after.items()} == {
        service: {**each, RESTORES: []} for service, each in before.items()
    }


async def test_a_document_that_cannot_be_read_is_reported_and_the_others_are_restored(stopped: Stopped) -> None:
    trade = stopped.trade
    await stopped.put_back("tickets")
    tickets = stopped.operator.databases["tickets"]["tickets"]
    await tickets.update_one({"_id": trade.cheaper}, {"$set": {"price": "cheap"}})
    restored = await restore(stopped.operator, owned("tickets"))
    assert list(restored.not_restored) == [trade.cheaper]
    assert "price" in restored.not_restored[trade.cheaper]
    assert len(restored.created) == 1


async def test_an_order_that_a_unique_index_refuses_is_reported(stopped: Stopped) -> None:
    """The service has sold the ticket again, before anybody noticed that its database was older."""
    trade = stopped.trade
    orders = stopped.operator.databases["orders"]["orders"]
    sold = await orders.find_one({"_id": trade.paid_later}) or {}
    await put_back(stopped.operator, "orders", {"orders": [{**sold, "_id": new_id(), "request_key": None}]})
    restored = await restore(stopped.operator, owned("orders"))
    assert list(restored.not_restored) == [trade.paid_later]
    assert "one_live_order_a_ticket" in restored.not_restored[trade.paid_later]
    assert trade.cancelled in restored.created
    assert await orders.find_one({"_id": trade.cancelled}), "written, although it comes after the refused one"


def without(backup: Backup, key: str) -> Backup:
    return {name: [each for each in documents if each["_id"] != key] for name, documents in backup.items()}


async def changes(marketplace: Marketplace, ticket: str, *, price: int) -> httpx.Response:
    body = {"title": "Concert", "price": price}
    return await marketplace.client("tickets", marketplace.seller).put(f"/api/tickets/{ticket}", json=body)
