"""The audit: replicas held against their owners, owners against the streams, every invariant against all services.

It is the one tool that may read all of them. What is on its way explains itself within moments, so a difference counts
only if it is still there when looked at again.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from marketplace.operations.histories import Histories
from marketplace.operations.invariants import INVARIANTS
from marketplace.operations.operator import Operator
from marketplace.operations.replicas import AGGREGATES, REPLICAS, AggregateOf, ReplicaOf
from marketplace.operations.snapshot import Snapshot, take_snapshot

_LOOK_AGAIN_SECONDS = 0.5


@dataclass(frozen=True, order=True)
class Difference:
    rule: str
    subject: str
    """The id of the aggregate that it is about."""
    detail: str

    def as_json(self) -> dict[str, str]:
        return {"rule": self.rule, "id": self.subject, "detail": self.detail}


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
            return Report(sorted(persisting), counts)
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def find_differences(snapshot: Snapshot, histories: Histories) -> Iterator[Difference]:
    for owned in AGGREGATES:
        yield from _out_of_shape(snapshot, owned)
    for owned in AGGREGATES:
        yield from _differs_from_its_events(snapshot, owned, histories)
    for replica in REPLICAS:
        yield from _differs_from_its_owner(snapshot, replica)
    for rule, check in INVARIANTS.items():
        for subject, detail in check(snapshot):
            yield Difference(rule, subject, detail)


def _out_of_shape(snapshot: Snapshot, owned: AggregateOf) -> Iterator[Difference]:
    """Such a document cannot be held against anything, so it is left out of all that follows."""
    for key, document in list(snapshot.documents(owned.service, owned.collection).items()):
        try:
            owned.state(document)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            yield Difference(f"{owned.name} can be read", key, f"{where}: {first['msg']}")
            snapshot.leave_out(owned.service, owned.collection, key)


def _differs_from_its_events(snapshot: Snapshot, owned: AggregateOf, histories: Histories) -> Iterator[Difference]:
    for key, document in snapshot.documents(owned.service, owned.collection).items():
        for detail in histories.differences(owned, document):
            yield Difference(f"{owned.name} equal their events", key, detail)


def _differs_from_its_owner(snapshot: Snapshot, replica: ReplicaOf) -> Iterator[Difference]:
    owners = snapshot.documents(replica.original.service, replica.original.collection)
    copies = snapshot.documents(replica.service, replica.collection)
    for key in owners.keys() | copies.keys():
        if key not in owners:
            yield Difference(replica.rule, key, "its owner knows nothing of it")
        elif key not in copies:
            yield Difference(replica.rule, key, "missing")
        else:
            expected = replica.of(owners[key])
            wrong = [name for name, value in expected.items() if copies[key].get(name) != value]
            if wrong:
                what = ", ".join(f"{name} is {copies[key].get(name)!r}, not {expected[name]!r}" for name in wrong)
                yield Difference(replica.rule, key, what)
