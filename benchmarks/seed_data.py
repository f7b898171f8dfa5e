"""Stores data directly in the databases, before a measurement.

It would take minutes to create so much data through the API. The functions store only the data that the measurements
need, in the same format as the services.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from pymongo import MongoClient

from benchmarks.bench import Bench
from common.domain.clock import utc_now
from common.domain.ids import TicketId, UserId, new_id
from common.events.envelope import StagedEvent
from common.events.orders import OrderedTicket
from orders.order import Order
from orders.ticket_read_model import TicketReadModel
from tickets.ticket import Ticket

_BATCH = 1_000
_STAGED_AGO = timedelta(seconds=3)
"""The age with which this module stores events in the outboxes (the lists of unpublished events in the documents).

Every two seconds, the orders service searches its outboxes, but it ignores events that are younger than two seconds.
With this age, the service finds our events in its next search, and publishes them.
"""

T = TypeVar("T")


async def seed_tickets(bench: Bench, count: int) -> list[Ticket]:
    """Store `count` tickets in the database of the tickets service, and copies in that of the orders service."""
    seller = UserId(new_id())
    tickets = [Ticket.list_for_sale(seller=seller, title="Concert", price=1999) for _ in range(count)]
    await insert(bench.collection("tickets"), ({**each.to_document(), "outbox": []} for each in tickets))
    read_models = (TicketReadModel.from_event(each.recorded[0]).to_document() for each in tickets)
    await insert(bench.collection("orders", "ticket_replicas"), read_models)
    return tickets


async def seed_orders(bench: Bench, tickets: Iterable[Ticket], *, expires_at: datetime, staged: bool) -> list[Order]:
    """Store one order per ticket.

    If `staged` is true, also store the event of each order in the outbox of the order (a list of unpublished events).
    The orders service then publishes the event. If `staged` is false, the outbox is empty, as if the event were already
    published.
    """
    buyer = UserId(new_id())
    staged_at = utc_now() - _STAGED_AGO
    orders = [
        Order.place(
            buyer=buyer,
            ticket=OrderedTicket(id=TicketId(each.id), title=each.title, price=each.price),
            expires_at=expires_at,
        )
        for each in tickets
    ]
    await insert(
        bench.collection("orders"),
        (
            {
                **each.to_document(),
                "outbox": [StagedEvent.stage(event, staged_at).to_document() for event in each.recorded if staged],
            }
            for each in orders
        ),
    )
    return orders


async def insert(collection: Any, documents: Iterable[dict[str, Any]]) -> None:  # noqa: ANN401 - our type Collection has no insert_many
    for batch in _batches(documents):
        await collection.insert_many(batch, ordered=False)


async def remove(collection: Any, ids: Iterable[str]) -> None:  # noqa: ANN401 - our type Collection has no delete_many
    for batch in _batches(ids):
        await collection.delete_many({"_id": {"$in": batch}})


def checkpoint(mongo_url: str) -> None:
    """Tell mongod to write all data to the disk now (a checkpoint), so that it does not do this while we measure."""
    with MongoClient[dict[str, Any]](mongo_url) as client:
        client.admin.command("fsync")


def _batches(things: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(things)
    while batch := list(islice(remaining, _BATCH)):
        yield batch
