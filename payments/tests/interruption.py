"""Runs a second use case directly after a chosen database operation of a first one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from common.storage.collection import Database, Document
from devkit.testing.interception import InterceptedCollection, Operation


@dataclass
class Interruption:
    """Runs `meanwhile` right after the first use case's `moment`-th operation on the database, counted from 1."""

    moment: int
    meanwhile: Callable[[], Awaitable[object]]
    operations: int = 0

    @property
    def took_place(self) -> bool:
        return self.operations >= self.moment

    async def around(self, _name: str, operation: Operation) -> Any:
        result = await operation()
        self.operations += 1
        if self.operations == self.moment:
            await self.meanwhile()
        return result


@dataclass(frozen=True)
class InterruptedDatabase:
    """The database of the interrupted use case. The other one uses the real database."""

    database: Database
    interruption: Interruption

    def __getitem__(self, name: str, /) -> Any:
        return InterceptedCollection(self.database[name], self.interruption.around)

    async def command(self, command: str, /) -> Document:
        return await self.database.command(command)
