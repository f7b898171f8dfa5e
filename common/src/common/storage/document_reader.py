"""Parses the documents of one collection, one at a time. A document that cannot be parsed is called unreadable.

A document is unreadable, for example, if a newer version of the service has written it and was then replaced by this
version, or if a person has changed it in the database.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Generic, TypeVar

import structlog
from prometheus_client import Counter
from pydantic import ValidationError

from common.domain.errors import UnreadableDocument, first_problem
from common.domain.logged_once import LoggedOnce
from common.storage.collection import Document

log = structlog.get_logger()

T = TypeVar("T")

UNREADABLE = Counter(
    "documents_unreadable",
    "How often the service read a document that it could not parse.",
    ["collection"],
)


class DocumentReader(Generic[T]):
    """Parses the documents of one collection with the function `parse`, which may raise pydantic's ValidationError.

    The reader logs the id of each unreadable document once, and counts how often it has met such a document.
    """

    def __init__(self, collection: str, parse: Callable[[Document], T]) -> None:
        self._collection = collection
        self._parse = parse
        self._logged = LoggedOnce()

    def read(self, document: Document) -> T:
        """Parse one document. Raises UnreadableDocument if this is not possible."""
        try:
            return self._parse(document)
        except ValidationError as error:
            key = str(document["_id"])
            self._report(key, first_problem(error))
            raise UnreadableDocument(
                f"The service cannot read the stored document {key[:100]} in {self._collection}. Nothing was changed. "
                f"Please tell the operator."
            ) from None

    def read_all(self, documents: Iterable[Document]) -> list[T]:
        """Parse several documents, and skip those that are unreadable."""
        readable = []
        for document in documents:
            with suppress(UnreadableDocument):
                readable.append(self.read(document))
        return readable

    def _report(self, key: str, problem: str) -> None:
        UNREADABLE.labels(self._collection).inc()
        if self._logged.is_new(key):
            log.error("a stored document cannot be read", collection=self._collection, document=key, problem=problem)
