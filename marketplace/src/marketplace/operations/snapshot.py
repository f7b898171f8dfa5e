"""Reads the stored data of all services at about the same time, for the audit."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from common.domain.clock import utc_now
from common.storage.collection import Document
from marketplace.operations.operator import Operator
from marketplace.operations.stored_data import AGGREGATES, OTHER_COLLECTIONS, READ_MODELS

_KEYS = (
    *((each.service, each.collection) for each in AGGREGATES),
    *((each.service, each.collection) for each in READ_MODELS),
    *OTHER_COLLECTIONS,
)
_SECRETS = {(each.service, each.collection): dict.fromkeys(each.spec.secrets, 0) for each in AGGREGATES}
"""Maps a collection to a MongoDB projection that leaves out the secret fields, such as password hashes.

So the audit does not read the secrets.
"""


@dataclass(frozen=True)
class Snapshot:
    """A copy of the documents of all services. They were read at about the same time, shortly after `taken_at`."""

    taken_at: datetime
    by_collection: dict[tuple[str, str], dict[str, Document]]
    excluded: set[tuple[str, str, str]] = field(default_factory=set)
    """The documents that exclude() has removed, because they cannot be parsed.

    Each entry consists of the service, the collection and the id of the document.
    """

    def documents(self, service: str, collection: str) -> dict[str, Document]:
        """Return the documents of this collection. The result maps the id of each document to the document."""
        return self.by_collection[service, collection]

    def counts(self) -> dict[str, int]:
        return {f"{service} {name}": len(found) for (service, name), found in self.by_collection.items()}

    def exclude(self, service: str, collection: str, key: str) -> None:
        self.by_collection[service, collection].pop(key)
        self.excluded.add((service, collection, key))


async def take_snapshot(operator: Operator) -> Snapshot:
    """Read all documents of all services into memory. With 100,000 orders, this needs about 100 MB of memory."""

    async def read(service: str, name: str) -> dict[str, Document]:
        documents = await operator.databases[service][name].find({}, _SECRETS.get((service, name), {})).to_list(None)
        return {str(document["_id"]): document for document in documents}

    return Snapshot(utc_now(), dict(zip(_KEYS, await asyncio.gather(*(read(*key) for key in _KEYS)), strict=True)))
