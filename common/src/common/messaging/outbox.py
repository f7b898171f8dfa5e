"""Parses the outbox of a document: an array with the events that are not published yet."""

from common.events.envelope import StagedEvent
from common.storage.collection import Document
from common.storage.document_reader import DocumentReader


def outbox_entries(document: Document) -> list[Document]:
    """Return one document for each event in the outbox of `document`, so that each event can be parsed separately.

    If the outbox is not an array, the relay could not remove an event from it. So the result has one document, which
    cannot be parsed.
    """
    outbox = document["outbox"]
    return [{"_id": document["_id"], "event": event} for event in (outbox if isinstance(outbox, list) else [None])]


def outbox_reader(collection: str) -> DocumentReader[StagedEvent]:
    """Return a reader that parses the documents of `outbox_entries`."""
    return DocumentReader(f"{collection}.outbox", lambda entry: StagedEvent.model_validate(entry["event"]))
