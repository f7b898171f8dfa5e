"""An unreadable document is counted each time and logged once. Where many are read, it is skipped."""

import pytest
from common.tests.listing import Listing
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from common.domain.errors import UnreadableDocument
from common.domain.logged_once import LoggedOnce
from common.storage.document_reader import DocumentReader


def times_counted() -> float:
    return REGISTRY.get_sample_value("documents_unreadable_total", {"collection": "listings"}) or 0


def test_an_unreadable_document_is_skipped_counted_each_time_and_logged_once_without_its_values() -> None:
    sound = Listing.create("sound").to_document()
    damaged = {**sound, "_id": "damaged", "price": "secret"}
    reader, before = DocumentReader("listings", Listing.from_document), times_counted()
    with capture_logs() as logs:
        for _ in range(3):
            assert [listing.title for listing in reader.read_all([damaged, sound])] == ["sound"]
    assert times_counted() == before + 3
    assert [(line["log_level"], line["document"]) for line in logs] == [("error", "damaged")]
    assert "price" in logs[0]["problem"]
    assert "secret" not in str(logs)


def test_a_single_unreadable_document_is_an_error_that_names_it() -> None:
    reader = DocumentReader("listings", Listing.from_document)
    with pytest.raises(UnreadableDocument, match="damaged in listings"):
        reader.read({"_id": "damaged"})


def test_the_memory_for_what_was_logged_is_bounded() -> None:
    logged = LoggedOnce()
    assert [logged.is_new(key) for key in ("a", "b", "a")] == [True, True, False]
    for number in range(5000):
        logged.is_new(str(number))
    assert len(logged._keys) <= 1000
