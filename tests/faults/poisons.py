"""Messages that no consumer can handle: some for good, some for as long as their cause is there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from common.domain.ids import new_id
from common.events.catalog import EXAMPLES, MESSAGES
from common.events.envelope import MESSAGE_ID
from common.messaging.streams import stream_of
from devkit.testing.eventually import eventually
from faults.scenario import promise
from faults.world import Person, World
from marketplace.registry import CONSUMERS_OF

HOLD = "tickets-hold-ticket-on-order-created"
"""The consumer that cannot handle an order while its cause is there."""
_CONSUMERS = [consumer for consumers in CONSUMERS_OF.values() for consumer in consumers]


@dataclass(frozen=True)
class Planted:
    """A message that has no business in its stream, or one that its consumer cannot handle for now."""

    subject: str
    data: bytes
    headers: dict[str, str]
    stream: str
    sequence: int
    consumers: frozenset[str]


@asynccontextmanager
async def malformed_events(world: World, times: int) -> AsyncIterator[list[Planted]]:
    """Published now, and taken out of the streams again at the end, so that nobody comes across them later."""
    planted = [each for _ in range(times) for each in await _plant_malformed(world)]
    try:
        yield planted
    finally:
        for each in planted:
            await world.operator.broker.jetstream.delete_msg(each.stream, each.sequence)


async def _plant_malformed(world: World) -> list[Planted]:
    """Of each type: bytes that are no JSON, and the payload of another type."""
    planted = []
    for event_type in MESSAGES.values():
        another = world.random.choice([example for example in EXAMPLES if example.aggregate != event_type.aggregate])
        for data in (world.random.randbytes(20) + b'{"half": ', another.to_json().encode()):
            subject = event_type.subjects().replace("*", new_id())
            headers = {MESSAGE_ID: f"poison-{subject}", "ce-source": "/somewhere", "x-note": "unlike any other"}
            stored = await world.operator.broker.jetstream.publish(subject, data, headers=dict(headers))
            hearing = frozenset(consumer.name for consumer in _CONSUMERS if event_type in consumer.on)
            planted.append(Planted(subject, data, headers, stored.stream, stored.seq, hearing))
    return planted


async def expect_unknown_subject_refused(world: World) -> None:
    try:
        await world.operator.broker.jetstream.publish(f"order.teleported.{new_id()}", b"{}", timeout=5)
    except NatsError:
        return
    promise(False, "a stream took an event of a type that is in no catalogue")


@asynccontextmanager
async def ticket_lost(world: World, ticket: str) -> AsyncIterator[None]:
    """As after a restore of tickets' database from an old backup, mended at the end by one from a newer backup."""
    tickets: Any = world.operator.databases["tickets"]["tickets"]
    document = await tickets.find_one_and_delete({"_id": ticket})
    try:
        yield
    finally:
        await tickets.insert_one(document)


@asynccontextmanager
async def orders_refused(world: World, *of_tickets: str) -> AsyncIterator[None]:
    """The database itself refuses to store orders of these tickets, which is neither permanent nor an outage."""
    database: Any = world.operator.databases["tickets"]
    await database.command({"collMod": "order_replicas", "validator": {"ticket_id": {"$nin": list(of_tickets)}}})
    try:
        yield
    finally:
        await database.command({"collMod": "order_replicas", "validator": {}})


async def place_order(world: World, buyer: Person, ticket: str) -> Planted:
    """Place the order, and return its event as it lies in the stream."""
    answer = await buyer.orders(ticket)
    promise(answer.status_code == 201, f"an order was answered {answer.status_code}: {answer.text}")
    subject = f"order.created.{answer.json()['id']}"
    stream = stream_of(MESSAGES["order.created"]).name

    async def look() -> Any:
        try:
            return await world.operator.broker.jetstream.get_last_msg(stream, subject)
        except NotFoundError:
            return None

    stored = await eventually(look, what=f"{subject} in its stream")
    return Planted(subject, stored.data, dict(stored.headers), stream, stored.seq, frozenset({HOLD}))
