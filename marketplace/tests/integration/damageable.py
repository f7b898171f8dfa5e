"""The methods of a collection with which a test damages stored data. The services do not have these methods."""

from typing import Protocol, cast

from common.storage.collection import Collection, Document


class DamageableCollection(Collection, Protocol):
    async def delete_one(self, filter: Document, /) -> object: ...  # noqa: A002 - the drivers' name, here and below
    async def delete_many(self, filter: Document, /) -> object: ...  # noqa: A002
    async def drop_index(self, name: str, /) -> object: ...


def damageable(collection: Collection) -> DamageableCollection:
    """Return the same collection. Both MongoDB drivers have these methods."""
    return cast("DamageableCollection", collection)
