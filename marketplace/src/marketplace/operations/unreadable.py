"""Finds stored documents that cannot be parsed (unreadable documents).

The audit reports these documents. Its other checks ignore them.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from common.domain.errors import first_problem
from common.events.envelope import StagedEvent
from common.storage.collection import Document
from marketplace.operations.difference import Difference
from marketplace.operations.snapshot import Snapshot
from marketplace.operations.stored_data import AGGREGATES, SANDBOX_CHARGES, OwnedAggregates

CAN_BE_READ = "can be read"


class _AsStored(BaseModel):
    """Validates a stored document strictly.

    Without strict validation, pydantic would accept a number that is stored as text. A later check of the audit would
    then fail when it calculates with this number.
    """

    model_config = ConfigDict(strict=True)


class _Outbox(_AsStored):
    outbox: list[StagedEvent] = []


class _Request(_AsStored):
    amount: int


class _Charge(_AsStored):
    """The fields that the audit reads from a charge in the sandbox (the card processor for development and tests)."""

    request: _Request
    outcome: dict[str, Any]


def exclude_unreadable(snapshot: Snapshot) -> Iterator[Difference]:
    """Yield one difference per document that cannot be parsed, and remove this document from the snapshot.

    The snapshot is the copy of all documents that the audit has read. The other checks use it, and would fail because
    of a document that cannot be parsed. The stored document does not change.
    """
    for owned in AGGREGATES:
        for key, document in list(snapshot.documents(owned.service, owned.collection).items()):
            if wrong := _wrong_with(owned, document):
                yield Difference(f"{owned.name} {CAN_BE_READ}", key, wrong)
                snapshot.exclude(owned.service, owned.collection, key)
    for key, charge in list(snapshot.documents(*SANDBOX_CHARGES).items()):
        try:
            _Charge.model_validate(charge)
        except ValidationError as error:
            yield Difference(f"{' '.join(SANDBOX_CHARGES)} {CAN_BE_READ}", key, first_problem(error))
            snapshot.exclude(*SANDBOX_CHARGES, key)


def mention_unreadable(snapshot: Snapshot, found: Difference) -> Difference:
    """Return the difference `found`. If unreadable documents may be the cause, add their ids to its text.

    The other checks of the audit do not see unreadable documents, and may report them as missing. Without the ids, an
    operator could believe this, replace the stored document, and so lose data that a person could still repair.
    """
    causes = [
        f"{service} {collection} {key} cannot be read"
        for service, collection, key in sorted(snapshot.excluded)
        if found.subject in (None, key) or key in found.detail
    ]
    return replace(found, detail="; but ".join([found.detail, *causes]))


def _wrong_with(owned: OwnedAggregates, document: Document) -> str:
    try:
        owned.state(document)
        _Outbox.model_validate(document)
    except ValidationError as error:
        return first_problem(error)
    return ""
