"""Messages that no consumer can handle: some never, some while their cause exists."""

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
from faults.context import Person, ScenarioContext
from faults.scenario import require
from marketplace.registry import CONSUMERS_OF

HOLD = "tickets-hold-ticket-on-order-created"
"""The consumer that cannot handle an order while the cause exists."""
_CONSUMERS = [consumer for consumers in CONSUMERS_OF.values() for consumer in consumers]


@dataclass(frozen=True)
class Planted:
    """A malformed message in a stream, or one that its consumer cannot handle for now."""

    subject: str
    data: bytes
    headers: dict[str, str]
    stream: str
    sequence: int
    consumers: frozenset[str]


@asynccontextmanager
async def malformed_events(context: ScenarioContext, times: int) -> AsyncIterator[list[Planted]]:
    """Publish malformed messages; delete them from the streams at the end, so that other scenarios do not read them."""
    planted = [each for _ in range(times) for each in await _plant_malformed(context)]
    try:
        yield planted
    finally:
        for each in planted:
            await context.operator.broker.jetstream.delete_msg(each.stream, each.sequence)


async def _plant_malformed(context: ScenarioContext) -> list[Planted]:
    """Publish two messages per type: bytes that are not JSON, and the payload of another type."""
    planted = []
    for event_type in MESSAGES.values():
        another = context.random.choice([example for example in EXAMPLES if example.aggregate != event_type.aggregate])
        for data in (context.random.randbytes(20) + b'{"half": ', another.to_json().encode()):
            subject = event_type.subjects().replace("*", new_id())
            headers = {MESSAGE_ID: f"poison-{subject}", "ce-source": "/somewhere", "x-note": "unlike any other"}
            stored = await context.operator.broker.jetstream.publish(subject, data, headers=dict(headers))
            consumers = frozenset(consumer.name for consumer in _CONSUMERS if event_type in consumer.on)
            planted.append(Planted(subject, data, headers, stored.stream, stored.seq, consumers))
    return planted


async def expect_unknown_subject_refused(context: ScenarioContext) -> None:
    try:
        await context.operator.broker.jetstream.publish(f"order.teleported.{new_id()}", b"{}", timeout=5)
    except NatsError:
        return
    require(False, "a stream accepted an event of a type that is not in the catalogue")


@asynccontextmanager
async def ticket_lost(context: ScenarioContext, ticket: str) -> AsyncIterator[None]:
    """Remove the ticket, as a restore of an old backup would; put it back at the end."""
    tickets: Any = context.operator.databases["tickets"]["tickets"]
    document = await tickets.find_one_and_delete({"_id": ticket})
    try:
        yield
    finally:
        await tickets.insert_one(document)


@asynccontextmanager
async def orders_refused(context: ScenarioContext, *of_tickets: str) -> AsyncIterator[None]:
    """Make the database refuse orders of these tickets: an error that is neither permanent nor an outage."""
    database: Any = context.operator.databases["tickets"]
    await database.command({"collMod": "order_replicas", "validator": {"ticket_id": {"$nin": list(of_tickets)}}})
    try:
        yield
    finally:
        await database.command({"collMod": "order_replicas", "validator": {}})


async def place_order(context: ScenarioContext, buyer: Person, ticket: str) -> Planted:
    """Place the order, and return its event from the stream."""
    answer = await buyer.place_order(ticket)
    require(answer.status_code == 201, f"an order was answered {answer.status_code}: {answer.text}")
    subject = f"order.created.{answer.json()['id']}"
    stream = stream_of(MESSAGES["order.created"]).name

    async def look() -> Any:
        try:
            return await context.operator.broker.jetstream.get_last_msg(stream, subject)
        except NotFoundError:
            return None

    stored = await eventually(look, what=f"{subject} in its stream")
    return Planted(subject, stored.data, dict(stored.headers), stream, stored.seq, frozenset({HOLD}))
