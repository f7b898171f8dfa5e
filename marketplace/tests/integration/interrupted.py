"""An operator's connection that runs a function between two steps of a command, as if a service did it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from marketplace.operations.operator import Operator


class Interrupted:
    """A collection that runs `meanwhile` before the operator's first read or first write."""

    def __init__(self, collection: Any, before: str, meanwhile: Callable[[], Awaitable[None]]) -> None:
        self._collection, self._before, self._meanwhile = collection, before, meanwhile

    def find(self, _query: Any) -> Any:
        return self

    async def to_list(self, length: int | None) -> Any:
        if self._before == "look":
            await self._meanwhile()
        return await self._collection.find({}).to_list(length)

    async def bulk_write(self, *args: Any, **kwargs: Any) -> Any:
        if self._before == "write":
            self._before = ""
            await self._meanwhile()
        return await self._collection.bulk_write(*args, **kwargs)


def interrupted(connection: Operator, before: str, meanwhile: Callable[[], Awaitable[None]]) -> Operator:
    """Replace the collection `order_replicas` of tickets."""
    collection = Interrupted(connection.databases["tickets"]["order_replicas"], before, meanwhile)
    databases: dict[str, Any] = {**connection.databases, "tickets": {"order_replicas": collection}}
    return replace(connection, databases=databases)
