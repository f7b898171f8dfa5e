"""What the last release has stored and published goes on working, and so do its instances during a rollout.

`venue`, `starts_at` and `place` of a ticket are the first fields that were added to events after a release.
"""

import json
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from common.domain.ids import new_id
from common.events.catalog import GROWN_EXAMPLES
from common.events.tickets import TicketCreated, TicketEvent, TicketUpdated
from common.storage.read_model import ReadModel, ReadModelRepository
from devkit.testing.events import EventStreams
from devkit.testing.running import RunningService, Surroundings, somebody
from marketplace.registry import service

GROWN = [event for events in GROWN_EXAMPLES.values() for event in events if isinstance(event, TicketEvent)]


class ReleasedTicketEvent(BaseModel):
    """TicketEvent with its fields and settings as of release 0.1.0. It is no subclass, so nothing publishes it."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, validate_by_name=True)

    id: str
    version: int
    title: str
    price: int
    user_id: str
    order_id: str | None = None


class ReleasedTicketReadModel(ReadModel):
    """TicketReadModel as of release 0.1.0."""

    title: str
    price: int
    user_id: str


def released_ticket() -> dict[str, Any]:
    """A ticket's state as release 0.1.0 has stored it."""
    return {"_id": new_id(), "version": 1, "title": "Concert", "price": 1999, "user_id": somebody(), "order_id": None}


def running(surroundings: Surroundings, name: str) -> Any:
    spec = service(name)
    settings = surroundings.settings(spec.settings, name)
    return surroundings.running(lambda: spec.create_app(settings, policy=surroundings.policy), spec.consumers)


async def known_to_orders(orders: RunningService, ticket: str) -> Any:
    return await orders.collection("ticket_replicas").find_one({"_id": ticket})


async def test_a_ticket_that_the_last_release_has_stored_can_be_read_and_changed(surroundings: Surroundings) -> None:
    stored = released_ticket()
    async with running(surroundings, "tickets") as tickets:
        await tickets.collection("tickets").insert_one({**stored, "outbox": []})
        path, client = f"/api/tickets/{stored['_id']}", tickets.client(stored["user_id"])
        seen = (await client.get(path)).json()
        assert (seen["title"], seen["venue"], seen["startsAt"], seen["place"]) == ("Concert", None, None, None)
        listing = {"title": "Concert", "price": 19.99, "startsAt": "2127-05-01T20:00:00+02:00"}
        changed = (await client.put(path, json=listing)).json()
    assert changed == {**seen, "startsAt": "2127-05-01T20:00:00+02:00", "version": 2}


async def test_a_copy_that_the_last_release_has_stored_can_be_ordered(surroundings: Surroundings) -> None:
    stored = released_ticket()
    del stored["order_id"]
    async with running(surroundings, "orders") as orders:
        await orders.collection("ticket_replicas").insert_one(stored)
        placed = await orders.client(somebody()).post("/api/orders", json={"ticketId": stored["_id"]})
    assert placed.status_code == 201


async def test_an_event_of_an_instance_of_the_last_release_is_handled(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    released = ReleasedTicketEvent(id=new_id(), version=1, title="Concert", price=1999, user_id=somebody())
    async with running(surroundings, "orders") as orders:
        body = released.model_dump_json(by_alias=True).encode()
        await streams.publish_bytes(f"{TicketCreated.type_name()}.{released.id}", body)
        await streams.eventually_quiet("orders-replicate-ticket")
        assert (await known_to_orders(orders, released.id))["starts_at"] is None
        placed = await orders.client(somebody()).post("/api/orders", json={"ticketId": released.id})
    assert (placed.status_code, await streams.dead_letters()) == (201, [])


@pytest.mark.parametrize("event", GROWN, ids=lambda event: event.type_name())
async def test_an_instance_of_the_last_release_handles_an_event_of_today(
    event: TicketEvent, surroundings: Surroundings
) -> None:
    """And a change of today's instance after that is not hidden by what the old instance has stored."""
    received: Any = ReleasedTicketEvent.model_validate_json(event.to_json())
    assert received.model_dump(by_alias=True).items() <= json.loads(event.to_json()).items()
    async with running(surroundings, "orders") as orders:
        of_old_instance = ReadModelRepository(orders.collection("ticket_replicas"), ReleasedTicketReadModel)
        assert await of_old_instance.apply(received)
        moved = TicketUpdated(
            **event.model_dump() | {"version": event.version + 1, "starts_at": "2127-05-01T20:00:00Z"}
        )
        await orders.use_cases.follow_ticket(moved)
        assert (await known_to_orders(orders, event.id))["starts_at"] == "2127-05-01T20:00:00Z"
