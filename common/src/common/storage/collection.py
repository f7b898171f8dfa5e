"""Types for the methods of the MongoDB driver that the services call.

There are two drivers, and both have these methods: motor (AsyncIOMotorClient), and PyMongo's AsyncMongoClient.
"""

from typing import Any, Protocol

Document = dict[str, Any]


class Cursor(Protocol):
    def sort(self, key_or_list: Any, /) -> "Cursor": ...  # noqa: ANN401 - the drivers use Any, here and below
    def limit(self, limit: int, /) -> "Cursor": ...
    async def to_list(self, length: int | None = None) -> list[Document]: ...


class WriteResult(Protocol):
    @property
    def matched_count(self) -> int: ...


class Collection(Protocol):
    """The methods of a collection that the services need.

    Both drivers (motor, and AsyncMongoClient of PyMongo) have these methods with the same parameters.
    """

    @property
    def name(self) -> str: ...
    async def find_one(self, filter: Document, projection: Document | None = None, /) -> Document | None: ...  # noqa: A002
    def find(self, filter: Document, /, *args: Any, **kwargs: Any) -> Cursor: ...  # noqa: A002, ANN401
    async def insert_one(self, document: Document, /) -> object: ...
    async def update_one(self, filter: Document, update: Document, /, *, upsert: bool = False) -> WriteResult: ...  # noqa: A002
    async def bulk_write(self, requests: list[Any], /, *, ordered: bool = True) -> Any: ...  # noqa: ANN401
    async def create_index(self, keys: Any, /, **kwargs: Any) -> str: ...  # noqa: ANN401
    async def count_documents(self, filter: Document, /) -> int: ...  # noqa: A002


class Database(Protocol):
    def __getitem__(self, name: str, /) -> Collection: ...
    async def command(self, command: str, /) -> Document: ...
