"""An aggregate counts its changes and records each event once."""

import pytest
from common.tests.listing import Listing
from pydantic import ValidationError

from common.events.tickets import TicketCreated


def test_every_change_increments_the_version_even_without_an_event() -> None:
    """Otherwise two concurrent changes of this kind would not conflict."""
    listing = Listing.create("first")
    listing.rename_quietly("second")
    listing.rename("third")
    assert listing.version == 3
    assert [(event.version, event.fact) for event in listing.recorded] == [(1, "created"), (3, "updated")]


def test_an_event_carries_the_state_right_after_its_change() -> None:
    listing = Listing.create("first")
    listing.rename("second")
    listing.rename("third")
    assert [TicketCreated.model_validate(event, from_attributes=True).title for event in listing.recorded] == [
        "first",
        "second",
        "third",
    ]


def test_stored_events_are_not_recorded_again() -> None:
    listing = Listing.create("first")
    listing.mark_stored()
    listing.rename("second")
    assert [event.version for event in listing.recorded] == [2]
    assert listing.stored_version == 1


def test_the_stored_version_stays_until_the_aggregate_is_stored() -> None:
    """The repository replaces only the version that was read."""
    stored = Listing.create("first")
    listing = Listing.from_document(stored.to_document())
    listing.rename("second")
    listing.rename("third")
    assert (listing.stored_version, listing.version) == (1, 3)


@pytest.mark.parametrize("version", [None, "3", 2.5, {}])
def test_a_document_without_a_whole_number_as_version_cannot_be_read(version: object) -> None:
    """It would be taken for a new aggregate, or each write over it would end in a version conflict."""
    document = Listing.create("first").to_document()
    del document["version"]
    with pytest.raises(ValidationError, match="version"):
        Listing.from_document(document | ({} if version is None else {"version": version}))
