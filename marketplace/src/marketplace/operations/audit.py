"""The audit: read models held against their owners, owners against the streams, every invariant against all services.

It is the one tool that may read all of them. What is on its way explains itself within moments, so a difference counts
only if it is still there when looked at again.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from common.storage.collection import Document
from marketplace.operations.difference import Difference
from marketplace.operations.histories import Histories
from marketplace.operations.invariants import INVARIANTS, Finding
from marketplace.operations.operator import Operator
from marketplace.operations.readable import CAN_BE_READ, blame_what_cannot_be_read, leave_out_what_cannot_be_read
from marketplace.operations.rebuild import UNHEARD
from marketplace.operations.show import shown
from marketplace.operations.snapshot import Snapshot, take_snapshot
from marketplace.operations.stored_data import AGGREGATES, READ_MODELS, ReadModels

_LOOK_AGAIN_SECONDS = 0.5


@dataclass(frozen=True)
class Report:
    differences: list[Difference]
    counts: dict[str, int]
    """How many documents were looked at, by service and collection."""


async def audit(operator: Operator, *, settle_seconds: float = 5.0) -> Report:
    """Look, and look again for as long as something differs, but no longer than that: what persists is reported."""
    deadline = time.monotonic() + settle_seconds
    histories = Histories()
    persisting: set[Difference] | None = None
    while True:
        snapshot = await take_snapshot(operator)
        counts = snapshot.counts()
        await histories.catch_up(operator)
        found = set(find_differences(snapshot, histories))
        persisting = found if persisting is None else persisting & found
        if not persisting or time.monotonic() >= deadline:
            return Report(sorted(persisting, key=_order), counts)
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def find_differences(snapshot: Snapshot, histories: Histories) -> Iterator[Difference]:
    yield from leave_out_what_cannot_be_read(snapshot)
    for found in _what_differs(snapshot, histories):
        yield blame_what_cannot_be_read(snapshot, found)


def _what_differs(snapshot: Snapshot, histories: Histories) -> Iterator[Difference]:
    for owned in AGGREGATES:
        for key, document in snapshot.documents(owned.service, owned.collection).items():
            details = histories.differences(owned, document)
            yield from _checked(f"{owned.name} equal their events", key, ((key, detail) for detail in details))
    for read_model in READ_MODELS:
        yield from _checked(read_model.rule, None, _differs_from_its_owner(snapshot, read_model))
    for rule, check in INVARIANTS.items():
        yield from _checked(rule, None, check(snapshot))


def _checked(rule: str, subject: str | None, findings: Iterable[Finding]) -> Iterator[Difference]:
    """A document damaged in a way that nobody has thought of must not hide what is wrong with all the others."""
    try:
        for about, detail in findings:
            yield Difference(rule, about, detail)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other rules are to be checked
        yield Difference(rule, subject, f"could not be checked: {type(error).__name__}: {error}")


def _differs_from_its_owner(snapshot: Snapshot, read_model: ReadModels) -> Iterator[Finding]:
    owner = read_model.original
    originals = snapshot.documents(owner.service, owner.collection)
    copies = snapshot.documents(read_model.service, read_model.collection)
    for key in originals.keys() | copies.keys():
        if key not in originals:
            if (owner.service, owner.collection, key) not in snapshot.left_out:
                yield key, "its owner knows nothing of it"
        elif key not in copies:
            yield key, "missing"
        elif wrong := list(_wrong_with(copies[key], read_model.of(originals[key]), read_model.service)):
            yield key, ", ".join(wrong)


def _wrong_with(copy: Document, expected: Document, service: str) -> Iterator[str]:
    for name, value in expected.items():
        if copy.get(name) != value:
            yield f"{name} is {shown(copy.get(name))}, not {shown(value)}"
    for name in copy.keys() - expected.keys():
        if name == UNHEARD:
            yield f"{service} has not been told of it since it was mended"
        else:
            yield f"has a field {name} that {service} does not know"


def _order(difference: Difference) -> tuple[bool, str, str, str]:
    """What cannot be read comes first: other differences may follow from it."""
    first = difference.rule.endswith(CAN_BE_READ)
    return (not first, difference.rule, difference.subject or "", difference.detail)
