"""Damaged copies of stored documents, as a newer version of a service or a hand in the database could leave them."""

import copy
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from bson.datetime_ms import DatetimeMS
from pymongo.errors import DuplicateKeyError

from common.domain.ids import new_id
from common.events.envelope import MESSAGE_ID
from common.storage.collection import Document

_THE_YEAR_10000 = DatetimeMS(253_402_300_800_000)
_KEPT = {"_id", "outbox"}


def _missing_field(document: Document) -> Iterator[Document]:
    for name in document.keys() - _KEPT:
        yield {key: value for key, value in document.items() if key != name}


def _wrong_type(document: Document) -> Iterator[Document]:
    for name in document.keys() - _KEPT:
        yield {**document, name: {"an": ["object"]}}


def _unknown_value(document: Document) -> Iterator[Document]:
    for name, value in document.items():
        if isinstance(value, str) and name not in _KEPT:
            yield {**document, name: "added by a newer version"}


def _unknown_field(document: Document) -> Iterator[Document]:
    yield {**document, "addedLater": {"any": "value"}}


def _huge_value(document: Document) -> Iterator[Document]:
    for name, value in document.items():
        if name not in _KEPT:
            huge = {str: "x" * 300_000, datetime: _THE_YEAR_10000, bool: 2**62, int: float("inf")}
            yield {**document, name: huge.get(type(value), 2**62)}


DAMAGES: dict[str, Callable[[Document], Iterator[Document]]] = {
    "missing field": _missing_field,
    "wrong type": _wrong_type,
    "unknown value": _unknown_value,
    "unknown field": _unknown_field,
    "huge value": _huge_value,
}


def damaged_copies(document: Document, damage: str) -> Iterator[Document]:
    """Yield one copy for each field that can have this damage. Each copy has its own id.

    The outbox of a copy contains damaged copies of the staged events, and then the staged events themselves. All of
    them are about the copy.
    """
    for found in DAMAGES[damage](document):
        damaged = {**copy.deepcopy(found), "_id": new_id()}
        if "outbox" in document:
            staged = [_about(damaged["_id"], event, document["_id"]) for event in document["outbox"]]
            broken = [each for event in staged for each in DAMAGES[damage](event)]
            for number, event in enumerate(broken):
                if isinstance(event.get("id"), str):
                    event["id"] = f"{event['id'][:100]}-{damaged['_id']}-{number}"
                if isinstance(event.get("headers"), dict) and MESSAGE_ID in event["headers"]:
                    event["headers"] = {**event["headers"], MESSAGE_ID: event.get("id", f"without-an-id-{number}")}
            damaged["outbox"] = [*broken, *staged]
        yield damaged


def _about(key: str, event: Document, before: str) -> Document:
    """The staged event, with the id of another aggregate in each of its texts."""
    return {
        name: _about(key, value, before)
        if isinstance(value, dict)
        else value.replace(before, key)
        if isinstance(value, str)
        else value
        for name, value in event.items()
    }


async def store_damaged_copies(collection: Any, document: Document, damage: str) -> list[Document]:
    """Store the copies. Where a unique index allows no copy of a value, the copy gets another value."""
    indexes = await collection.index_information()
    unique = [field for index in indexes.values() if index.get("unique") for field, _ in index["key"]]
    stored = list(damaged_copies(document, damage))
    for damaged in stored:
        try:
            await collection.insert_one(damaged)
        except DuplicateKeyError:
            for field in unique:
                _set_at(damaged, field, new_id())
            await collection.insert_one(damaged)
    return stored


def about_other_things(document: Document) -> Document:
    """Replace the ids of other aggregates, except users, so that a copy belongs to none of them."""
    return {
        name: new_id()
        if name.endswith("_id") and name not in {"_id", "user_id"}
        else {**value, "id": new_id()}
        if isinstance(value, dict) and "id" in value
        else value
        for name, value in document.items()
    }


def _set_at(document: Document, field: str, value: object) -> None:
    *outer, last = field.split(".")
    for name in outer:
        document = document[name]
    document[last] = value
