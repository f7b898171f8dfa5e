"""The messages of the catalogue: their JSON does not change, and each has one subject and one stream."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from common.domain.event import Category, Message
from common.events.catalog import EVENT_TYPES, EXAMPLES, GOLDEN_FILES, MESSAGES
from common.events.envelope import decode
from common.messaging.streams import STREAMS, stream_of

GOLDEN = Path(__file__).parents[2] / "golden"
EVENTS = pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type_name())
EVERY_GOLDEN_FILE = pytest.mark.parametrize(("golden_file", "event"), GOLDEN_FILES.items(), ids=GOLDEN_FILES)


def subclasses(event_type: type[Message]) -> set[type[Message]]:
    below = {leaf for each in event_type.__subclasses__() for leaf in subclasses(each)}
    return below or {event_type}


def read(golden_file: str) -> dict[str, object]:
    golden: dict[str, object] = json.loads((GOLDEN / golden_file).read_text())
    return golden


def without_additions(encoded: object, golden: object) -> object:
    """Leave out the fields, also of a nested object, that were added after the golden file was written."""
    if not isinstance(encoded, dict) or not isinstance(golden, dict):
        return encoded
    return {name: without_additions(encoded.get(name), value) for name, value in golden.items()}


@EVERY_GOLDEN_FILE
def test_an_event_is_still_encoded_as_in_its_golden_file(golden_file: str, event: Message) -> None:
    encoded = json.loads(event.to_json())
    assert without_additions(encoded, read(golden_file)) == read(golden_file)


@EVERY_GOLDEN_FILE
def test_an_event_of_an_older_version_can_still_be_decoded(golden_file: str, event: Message) -> None:
    """Golden files never change, so this fails if a field is renamed, or if a new field is required."""
    assert decode(event.subject, json.dumps(read(golden_file)).encode()) == event


@EVERY_GOLDEN_FILE
def test_a_field_added_by_a_newer_publisher_is_ignored(golden_file: str, event: Message) -> None:
    newer = {**read(golden_file), "addedNextYear": 1}
    assert decode(event.subject, json.dumps(newer).encode()) == event


def test_every_event_class_is_in_the_catalogue_and_has_a_golden_file() -> None:
    assert GOLDEN_FILES.keys() == {path.name for path in GOLDEN.iterdir()}
    assert set(MESSAGES.values()) == subclasses(Message)


@EVENTS
def test_a_subject_ends_with_the_aggregates_id_and_uses_dots(event: Message) -> None:
    aggregate, fact, aggregate_id = event.subject.split(".")
    assert (aggregate, fact, aggregate_id) == (event.aggregate, event.fact, event.id)
    assert ":" not in event.subject


@EVENTS
def test_exactly_one_stream_stores_the_event(event: Message) -> None:
    storing = [stream.name for stream in STREAMS if event.subjects() in stream.subjects]
    assert storing == [stream_of(type(event)).name]


def test_business_facts_are_domain_specific_and_the_rest_is_general() -> None:
    domain = {event.aggregate for event in EVENT_TYPES if event.category is Category.DOMAIN}
    general = {event.aggregate for event in EVENT_TYPES if event.category is Category.GENERAL}
    assert (domain, general) == ({"ticket", "order", "payment"}, {"user", "expiration"})


@EVENTS
def test_an_event_cannot_be_changed(event: Message) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        event.version = 99  # type: ignore[misc]


@EVENTS
def test_the_event_id_follows_from_aggregate_id_and_version(event: Message) -> None:
    assert event.event_id == f"{event.aggregate}-{event.id}-{event.version}"
