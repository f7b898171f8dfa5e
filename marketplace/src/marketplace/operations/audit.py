"""The audit compares the stored data of all services with each other and with the events in the NATS streams.

A read model is a copy that a service has of another service's data. The audit compares each read model with the
original data. It compares the original data with the events in both directions, so it also finds events of an aggregate
that its owner does not have. And it checks rules for the data of several services together.
The functions in marketplace.operations.invariants check these rules.

A service may read only its own database. The audit may read the databases of all services, because it is a command for
operators. While an event is on its way from one service to another, their data differ for a moment. Therefore, if the
audit finds differences, it reads all data again several times. It reports only the differences that it has found each
time.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from common.storage.collection import Document
from marketplace.operations.difference import Difference
from marketplace.operations.histories import Histories
from marketplace.operations.invariants import (
    INVARIANTS,
    Finding,
    an_order_costs_what_its_ticket_cost_at_that_version,
    name_of,
)
from marketplace.operations.operator import Operator
from marketplace.operations.rebuild import REPLAY_PENDING
from marketplace.operations.show import as_json_text
from marketplace.operations.snapshot import Snapshot, take_snapshot
from marketplace.operations.stored_data import AGGREGATES, READ_MODELS, OwnedAggregates, ReadModels
from marketplace.operations.unreadable import CAN_BE_READ, exclude_unreadable, mention_unreadable

_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Report:
    """What an audit has found, and the numbers of documents that it has checked."""

    differences: list[Difference]
    """The read models that differ from the original data, the original data that differ from their events, and the data
    that break one of the rules in marketplace.operations.invariants.
    """
    counts: dict[str, int]
    """Maps each collection to the number of its documents.

    A key consists of the service and its collection, for example `orders ticket_replicas`.
    """


async def audit(operator: Operator, *, settle_seconds: float = 5.0) -> Report:
    """Compare all data repeatedly. Return a report with the differences that appear in every comparison.

    The data of two services differ while an event is on its way from one to the other. Such a difference is no problem,
    and it disappears when the event arrives. The audit keeps the differences of the first comparison. After each later
    comparison, it drops the differences that it has not found again. It ends when none is left, or with the first
    comparison that begins at least `settle_seconds` after the first one. So if this time is not 0, the audit compares
    at least twice, also if one comparison takes longer than this time because there are many documents.
    """
    histories = Histories()
    persisting: set[Difference] | None = None
    began = time.monotonic()
    deadline = began + settle_seconds
    while True:
        snapshot = await take_snapshot(operator)
        counts = snapshot.counts()
        await histories.catch_up(operator)
        found = set(find_differences(snapshot, histories))
        persisting = found if persisting is None else persisting & found
        if not persisting or began >= deadline:
            return Report(sorted(persisting, key=_order), counts)
        await asyncio.sleep(_PAUSE_SECONDS)
        began = time.monotonic()


def find_differences(snapshot: Snapshot, histories: Histories) -> Iterator[Difference]:
    """Yield all differences between the documents of the services, and between the documents and their events.

    `snapshot` is a copy of the documents of all services. `histories` contains the events in the streams. If a document
    cannot be parsed, yield this as a difference, and remove the document from the snapshot. Otherwise the other checks
    would fail because of this document.
    """
    yield from exclude_unreadable(snapshot)
    for found in _check_everything(snapshot, histories):
        yield mention_unreadable(snapshot, found)


def _check_everything(snapshot: Snapshot, histories: Histories) -> Iterator[Difference]:
    for owned in AGGREGATES:
        for key, document in snapshot.documents(owned.service, owned.collection).items():
            details = histories.differences(owned, document)
            yield from _checked(owned.rule, key, ((key, detail) for detail in details))
        yield from _checked(owned.rule, None, _events_without_an_owner(snapshot, histories, owned))
    for read_model in READ_MODELS:
        yield from _checked(read_model.rule, None, _differs_from_its_owner(snapshot, histories, read_model))
    for rule, check in INVARIANTS.items():
        yield from _checked(rule, None, check(snapshot))
    prices = an_order_costs_what_its_ticket_cost_at_that_version
    yield from _checked(name_of(prices), None, prices(snapshot, histories))


def _checked(rule: str, subject: str | None, findings: Iterable[Finding]) -> Iterator[Difference]:
    """Yield what the check of one rule finds. If the check raises an error, yield this error as a difference.

    `subject` is the id of the document that is checked, or None if the rule is about many documents.
    """
    try:
        for about, detail in findings:
            yield Difference(rule, about, detail)
    except Exception as error:  # noqa: BLE001 - the other rules must be checked after any error
        yield Difference(rule, subject, f"could not be checked: {type(error).__name__}: {error}")


def _events_without_an_owner(snapshot: Snapshot, histories: Histories, owned: OwnedAggregates) -> Iterator[Finding]:
    documents = snapshot.documents(owned.service, owned.collection)
    for key, version in histories.newest_versions(owned):
        if key not in documents and (owned.service, owned.collection, key) not in snapshot.excluded:
            yield key, f"has events (newest version {version}), but its owner does not have it"


def _differs_from_its_owner(snapshot: Snapshot, histories: Histories, read_model: ReadModels) -> Iterator[Finding]:
    owner = read_model.original
    originals = snapshot.documents(owner.service, owner.collection)
    copies = snapshot.documents(read_model.service, read_model.collection)
    with_defaults = read_model.read_model.with_defaults
    for key in copies.keys() - originals.keys():
        if (owner.service, owner.collection, key) not in snapshot.excluded:
            yield key, "its owner does not have it"
    for key, original in originals.items():
        published = histories.published_state(owner, original)
        if published is None:
            if key in copies:
                yield key, f"{owner.service} has not published it"
        elif key not in copies:
            yield key, "missing"
        elif wrong := list(_wrong_with(with_defaults(copies[key]), read_model.after(published), read_model.service)):
            yield key, ", ".join(wrong)


def _wrong_with(copy: Document, expected: Document, service: str) -> Iterator[str]:
    for name, value in expected.items():
        if copy.get(name) != value:
            yield f"{name} is {as_json_text(copy.get(name))}, not {as_json_text(value)}"
    for name in copy.keys() - expected.keys():
        if name == REPLAY_PENDING:
            yield f"repaired, but its newest event has not been replayed to {service} yet"
        else:
            yield f"has a field {name} that {service} does not know"


def _order(difference: Difference) -> tuple[bool, str, str, str]:
    """Return the sort key. Documents that cannot be parsed come first, because they may cause other differences."""
    first = difference.rule.endswith(CAN_BE_READ)
    return (not first, difference.rule, difference.subject or "", difference.detail)
