"""Backups of the databases of services, and what people do before and after a backup."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from marketplace.tests.integration.operated import Marketplace

from common.storage.collection import Document
from devkit.testing.eventually import eventually
from devkit.testing.running import missing
from marketplace.operations.operator import Operator
from marketplace.operations.stored_data import AGGREGATES

Backup = dict[str, list[Document]]
"""All documents of one database, by collection."""


async def back_up(operator: Operator, service: str) -> Backup:
    database: Any = operator.databases[service]
    return {name: await database[name].find({}).to_list(None) for name in await database.list_collection_names()}


async def put_back(operator: Operator, service: str, backup: Backup) -> None:
    """Replace the whole database, as a restore from a backup does. The indexes stay.

    The collections of the sandbox stay, too: it stands for the card processor, whose data nobody can restore.
    """
    database: Any = operator.databases[service]
    for name in {*await database.list_collection_names(), *backup}:
        if name.startswith("sandbox_"):
            continue
        await database[name].delete_many({})
        if backup.get(name):
            await database[name].insert_many(backup[name])


@dataclass
class Trade:
    """What people did. The backups are of the moment between the two halves of the story."""

    paid_later: str
    """An order that was open at the time of the backup, and is paid now."""
    its_ticket: str
    cheaper: str
    """A ticket with a lower price now."""
    cancelled: str
    """An order that did not exist at the time of the backup, and is cancelled now."""
    backups: dict[str, Backup]


async def nothing_more() -> None:
    """At the time of the backup, back up only the databases."""


async def a_trade(marketplace: Marketplace, at_the_backup: Callable[[], Awaitable[None]] = nothing_more) -> Trade:
    sold, cheaper = await marketplace.lists(), await marketplace.lists()
    paid_later, cancelled_before = await marketplace.orders(sold), await marketplace.orders(cheaper)
    await marketplace.cancels(cancelled_before)
    await marketplace.settled()
    backups = {owned.service: await back_up(marketplace.operator, owned.service) for owned in AGGREGATES}
    await at_the_backup()
    for service in marketplace.services.values():
        await eventually(partial(missing, service.runtime), until=lambda lacks: lacks == "", what="a service at work")
    await marketplace.pays(paid_later)
    await marketplace.settled()
    changed = await marketplace.client("tickets", marketplace.seller).put(
        f"/api/tickets/{cheaper}", json={"title": "Concert", "price": 15}
    )
    assert changed.status_code == 200, changed.text
    await marketplace.settled()
    cancelled = await marketplace.orders(cheaper)
    await marketplace.cancels(cancelled)
    await marketplace.orders(await marketplace.lists())
    await marketplace.settled()
    return Trade(paid_later, sold, cheaper, cancelled, backups)


async def present_states(operator: Operator) -> dict[str, list[Document]]:
    """The state of each aggregate, as far as other services may know it, without the versions."""
    found = {}
    for owned in AGGREGATES:
        documents = await operator.databases[owned.service][owned.collection].find({}).to_list(None)
        states = [owned.state(each) for each in documents if owned.is_published(each)]
        found[owned.name] = sorted(
            ({name: value for name, value in state.items() if name != "version"} for state in states),
            key=lambda state: str(state["id"]),
        )
    return found
