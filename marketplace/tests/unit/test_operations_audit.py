"""The audit compares each read model with its owner, and excludes documents that it cannot parse."""

import pytest
from marketplace.tests.unit.sales import Stored

from common.domain.ids import new_id
from marketplace.operations.stored_data import READ_MODELS, SANDBOX_CHARGES, ReadModels

every_read_model = pytest.mark.parametrize("read_model", READ_MODELS, ids=lambda each: each.name.replace(" ", "-"))


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
