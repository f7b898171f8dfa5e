"""A slow request whose claim another one takes over: the unique index on the key stops the slow request."""

import asyncio
from datetime import timedelta
from typing import Any

from integration.keys import LISTING, a_ticket, status_and_body, with_key

from common.domain.ids import new_id
from devkit.testing.clock import SettableClock
from devkit.testing.events import EventStreams
from devkit.testing.interception import InterceptedCollection, Operation
from devkit.testing.running import RunningService, somebody
from devkit.testing.samples import order_events

TAKEN_OVER = timedelta(seconds=11)


class FirstInsertWaits:
    """Delays the first insert into a collection until it is released."""

    def __init__(self, repository: Any) -> None:
        self.reached = asyncio.Event()
        self.release = asyncio.Event()
        repository.collection = InterceptedCollection(repository.collection, self._around)

    async def _around(self, name: str, operation: Operation) -> Any:
        if name == "insert_one" and not self.reached.is_set():
            self.reached.set()
            await self.release.wait()
        return await operation()


async def test_a_slow_request_places_no_second_order_after_a_takeover(
    streams: EventStreams, ordering: RunningService, clock: SettableClock
) -> None:
    """The buyer cancels in between, so the ticket is free again, and only the key prevents a second order."""
    client, headers = ordering.client(somebody()), with_key()
    body = {"ticketId": await a_ticket(streams)}
    waits = FirstInsertWaits(ordering.use_cases._orders)
    slow = asyncio.create_task(client.post("/api/orders", json=body, headers=headers))
    await waits.reached.wait()
    clock.ahead = TAKEN_OVER
    placed = await client.post("/api/orders", json=body, headers=headers)
    assert placed.status_code == 201, placed.text
    assert (await client.delete(f"/api/orders/{placed.json()['id']}")).status_code == 204
    waits.release.set()
    await slow
    listed = (await client.get("/api/orders")).json()["orders"]
    assert [(order["id"], order["status"]) for order in listed] == [(placed.json()["id"], "cancelled")]


async def test_a_slow_request_lists_no_second_ticket_after_a_takeover(
    selling: RunningService, clock: SettableClock
) -> None:
    client, headers = selling.client(somebody()), with_key()
    waits = FirstInsertWaits(selling.use_cases._tickets)
    slow = asyncio.create_task(client.post("/api/tickets", json=LISTING, headers=headers))
    await waits.reached.wait()
    clock.ahead = TAKEN_OVER
    listed = await client.post("/api/tickets", json=LISTING, headers=headers)
    assert listed.status_code == 201, listed.text
    waits.release.set()
    assert status_and_body(await slow) == status_and_body(listed)
    assert await selling.collection("tickets").count_documents({}) == 1


async def test_a_slow_request_charges_nothing_after_a_takeover_was_declined(
    streams: EventStreams, paying: RunningService, clock: SettableClock
) -> None:
    """A declined payment releases its order, so only the key prevents a second payment."""
    created, _, _ = order_events(new_id(), buyer=(buyer := somebody()))
    await streams.publish(created)
    client, headers = paying.client(buyer), with_key()
    body = {"orderId": created.id, "token": "pm_card_chargeDeclined"}
    waits = FirstInsertWaits(paying.use_cases._payments)
    slow = asyncio.create_task(client.post("/api/payments", json=body, headers=headers))
    await waits.reached.wait()
    clock.ahead = TAKEN_OVER
    declined = await client.post("/api/payments", json=body, headers=headers)
    assert declined.status_code == 402, declined.text
    waits.release.set()
    assert (await slow).status_code == 409
    listed = (await client.get("/api/payments", params={"orderId": created.id})).json()["payments"]
    assert [payment["status"] for payment in listed] == ["declined"]
