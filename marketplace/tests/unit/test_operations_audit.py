"""The audit compares each read model with its owner, and excludes documents that it cannot parse."""

from collections import defaultdict
from dataclasses import replace

import pytest
from marketplace.tests.unit.sales import Stored
from pydantic import Field

from common.domain.clock import utc_now
from common.domain.event import Event
from common.domain.ids import new_id
from common.events.catalog import EXAMPLES
from marketplace.operations.audit import _differs_from_its_owner, find_differences
from marketplace.operations.histories import Histories
from marketplace.operations.snapshot import Snapshot
from marketplace.operations.stored_data import AGGREGATES, READ_MODELS, SANDBOX_CHARGES, OwnedAggregates, ReadModels
from orders.ticket_read_model import TicketReadModel

every_read_model = pytest.mark.parametrize("read_model", READ_MODELS, ids=lambda each: each.name.replace(" ", "-"))
every_owner = pytest.mark.parametrize("owned", AGGREGATES, ids=lambda each: each.name.replace(" ", "-"))


@pytest.fixture
def data() -> Stored:
    return Stored()


def found(data: Stored) -> list[tuple[str, str | None, str]]:
    return [(each.rule, each.subject, each.detail) for each in data.differences()]


@every_read_model
def test_a_document_that_is_missing_in_a_read_model_is_found(data: Stored, read_model: ReadModels) -> None:
    copies = data.stored[read_model.service, read_model.collection]
    key = next(iter(copies))
    del copies[key]
    assert found(data) == [(read_model.rule, key, "missing")]


@every_read_model
def test_a_document_in_a_read_model_that_its_owner_does_not_have_is_found(data: Stored, read_model: ReadModels) -> None:
    copies = data.stored[read_model.service, read_model.collection]
    orphan = new_id()
    copies[orphan] = {**next(iter(copies.values())), "_id": orphan}
    assert found(data) == [(read_model.rule, orphan, "its owner does not have it")]


@every_read_model
def test_a_read_model_of_another_version_than_its_owner_is_found(data: Stored, read_model: ReadModels) -> None:
    key, copy = next(iter(data.stored[read_model.service, read_model.collection].items()))
    version, copy["version"] = copy["version"], 99
    assert found(data) == [(read_model.rule, key, f"version is 99, not {version}")]


class FlaggedTicket(TicketReadModel):
    """A read model to which a newer version has added optional fields."""

    withdrawn: bool = False
    tags: list[str] = Field(default_factory=list)


def test_a_read_model_of_an_older_version_without_optional_fields_agrees(data: Stored) -> None:
    (of_orders,) = (each for each in READ_MODELS if each.read_model is TicketReadModel)
    newer = replace(of_orders, spec=replace(of_orders.spec, read_model=FlaggedTicket))
    snapshot = Snapshot(utc_now(), data.stored)
    assert list(_differs_from_its_owner(snapshot, Histories(), newer)) == []
    del data.stored["orders", "ticket_replicas"][data.free]["title"]
    assert list(_differs_from_its_owner(snapshot, Histories(), newer)) == [(data.free, 'title is null, not "Concert"')]


def test_a_read_model_that_lacks_a_value_that_its_owner_has_is_found(data: Stored) -> None:
    data.ticket(data.free)["starts_at"] = "2027-05-01T20:00:00+02:00"
    data.replicate()
    del data.stored["orders", "ticket_replicas"][data.free]["starts_at"]
    assert (
        "orders ticket_replicas equal what tickets has",
        data.free,
        'starts_at is null, not "2027-05-01T20:00:00+02:00"',
    ) in found(data)


def test_a_charge_that_cannot_be_read_is_found(data: Stored) -> None:
    del data.stored[SANDBOX_CHARGES][data.payment]["outcome"]
    assert found(data) == [("payments sandbox_charges can be read", data.payment, "outcome: Field required")]


def test_an_outbox_that_cannot_be_read_is_found(data: Stored) -> None:
    data.ticket(data.free)["outbox"] = [{"id": 1}]
    (rule, subject, detail), *_ = found(data)
    assert (rule, subject) == ("tickets tickets can be read", data.free)
    assert detail.startswith("outbox.0.")


def test_the_read_model_of_an_unreadable_owner_is_no_orphan(data: Stored) -> None:
    """If it were removed, the only readable copy would be lost."""
    data.order(data.open)["status"] = "lost"
    orphans = [each for each in found(data) if "its owner does not have it" in each[2]]
    assert orphans == []


def events_of(owned: OwnedAggregates) -> list[Event]:
    return [each for each in EXAMPLES if isinstance(each, owned.events)]


@every_owner
def test_events_that_their_owner_does_not_have_are_found(owned: OwnedAggregates) -> None:
    """All databases are lost, and the stream is kept: otherwise the audit would say that everything agrees."""
    histories = Histories()
    for event in events_of(owned):
        histories.add(event)
    found = find_differences(Snapshot(utc_now(), defaultdict(dict)), histories)
    newest = max(event.version for event in events_of(owned))
    assert [(each.rule, each.subject, each.detail) for each in found] == [
        (
            f"{owned.name} equal their events",
            events_of(owned)[0].id,
            f"has events (newest version {newest}), but its owner does not have it",
        )
    ]


@every_owner
def test_events_of_an_unreadable_document_are_not_without_an_owner(owned: OwnedAggregates) -> None:
    """If an operator restored the document from its events, the fields that only the document has would be lost."""
    histories = Histories()
    event = events_of(owned)[0]
    histories.add(event)
    snapshot = Snapshot(utc_now(), defaultdict(dict))
    snapshot.by_collection[owned.service, owned.collection][event.id] = {"_id": event.id, "version": "two"}
    assert [each.rule for each in find_differences(snapshot, histories)] == [f"{owned.name} can be read"]
