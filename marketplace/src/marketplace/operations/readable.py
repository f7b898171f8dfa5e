"""Documents that have not the shape that their service expects.

They cannot be held against anything: they are told of, and left out of everything else.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from common.storage.collection import Document
from marketplace.operations.difference import Difference
from marketplace.operations.snapshot import Snapshot
from marketplace.operations.stored_data import AGGREGATES, SANDBOX_CHARGES, OwnedAggregates

CAN_BE_READ = "can be read"


class _AsStored(BaseModel):
    """Strict: a number that is stored as a text would pass, and then fail whoever calculates with it."""

    model_config = ConfigDict(strict=True)


class _StagedEvent(_AsStored):
    id: str
    subject: str
    data: str
    headers: dict[str, str]
    staged_at: AwareDatetime


class _Outbox(_AsStored):
    outbox: list[_StagedEvent] = []


class _Request(_AsStored):
    amount: int


class _Charge(_AsStored):
    """What the audit reads of a charge in the sandbox's books."""

    request: _Request
    outcome: dict[str, Any]


def leave_out_what_cannot_be_read(snapshot: Snapshot) -> Iterator[Difference]:
    for owned in AGGREGATES:
        for key, document in list(snapshot.documents(owned.service, owned.collection).items()):
            if wrong := _wrong_with(owned, document):
                yield Difference(f"{owned.name} {CAN_BE_READ}", key, wrong)
                snapshot.leave_out(owned.service, owned.collection, key)
    for key, charge in list(snapshot.documents(*SANDBOX_CHARGES).items()):
        try:
            _Charge.model_validate(charge)
        except ValidationError as error:
            yield Difference(f"{' '.join(SANDBOX_CHARGES)} {CAN_BE_READ}", key, _first(error))
            snapshot.leave_out(*SANDBOX_CHARGES, key)


def blame_what_cannot_be_read(snapshot: Snapshot, found: Difference) -> Difference:
    """Whatever is missed because of such a document is not missing: whoever acted on that would make it worse."""
    blamed = [
        f"{service} {collection} {key} cannot be read"
        for service, collection, key in sorted(snapshot.left_out)
        if found.subject in (None, key) or key in found.detail
    ]
    return replace(found, detail="; but ".join([found.detail, *blamed]))


def _wrong_with(owned: OwnedAggregates, document: Document) -> str:
    try:
        owned.state(document)
        _Outbox.model_validate(document)
    except ValidationError as error:
        return _first(error)
    return ""


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
