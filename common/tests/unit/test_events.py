"""The catalogue: what an event looks like on the wire, and that it stays that way."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from common.domain.errors import PermanentFailure
from common.domain.event import Category, Message
from common.events.catalog import EVENT_TYPES, EXAMPLES, MESSAGES
from common.events.envelope import decode
from common.messaging.streams import STREAMS, stream_of

GOLDEN = Path(__file__).parent.parent / "golden"
EVENTS = pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type_name())


def subclasses(event_type: type[Message]) -> set[type[Message]]:
    below = {leaf for each in event_type.__subclasses__() for leaf in subclasses(each)}
    return below or {event_type}


def golden_of(event: Message) -> dict[str, object]:
    return json.loads((GOLDEN / f"{event.type_name()}.v{event.schema_version}.json").read_text())


@EVENTS
def test_an_event_is_still_written_as_its_golden_file_says(event: Message) -> None:
    written = json.loads(event.to_json())
    assert {name: written.get(name) for name in golden_of(event)} == golden_of(event)


@EVENTS
def test_an_event_written_in_the_past_can_still_be_read(event: Message) -> None:
    """Golden files are never regenerated: a new required field, or a renamed one, fails here."""
    assert decode(event.subject, json.dumps(golden_of(event)).encode()) == event


@EVENTS
def test_a_field_added_by_a_newer_publisher_is_ignored(event: Message) -> None:
    newer = {**golden_of(event), "addedNextYear": 1}
    assert decode(event.subject, json.dumps(newer).encode()) == event


def test_every_golden_file_belongs_to_an_event_and_every_event_class_is_in_the_catalogue() -> None:
    assert {f"{e.type_name()}.v{e.schema_version}.json" for e in EXAMPLES} == {path.name for path in GOLDEN.iterdir()}
    assert set(MESSAGES.values()) == subclasses(Message)


@EVENTS
def test_a_subject_ends_with_the_aggregates_id_and_uses_dots(event: Message) -> None:
    aggregate, fact, aggregate_id = event.subject.split(".")
    assert (aggregate, fact, aggregate_id) == (event.aggregate, event.fact, event.id)
    assert ":" not in event.subject


@EVENTS
def test_exactly_one_stream_keeps_the_event(event: Message) -> None:
    keepers = [stream.name for stream in STREAMS if event.subjects() in stream.subjects]
    assert keepers == [stream_of(type(event)).name]


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


@pytest.mark.parametrize(
    ("subject", "data", "reason"),
    [
        ("order.eaten.65f0c0ffee00000000000020", b"{}", "the catalogue has no message with the subject"),
        ("nonsense", b"{}", "the catalogue has no message"),
        ("user.registered.65f0c0ffee00000000000002", b"\xff\xfe", "UserRegistered: payload: Invalid JSON"),
        ("user.registered.65f0c0ffee00000000000002", b'{"id": "x"}', "UserRegistered: version: Field required"),
        (
            "user.registered.65f0c0ffee00000000000002",
            b'{"id": "65f0c0ffee00000000000003", "version": 1, "email": "a@example.com"}',
            "differs from the id in the subject",
        ),
    ],
)
def test_a_malformed_event_is_a_permanent_failure_with_a_reason(subject: str, data: bytes, reason: str) -> None:
    with pytest.raises(PermanentFailure, match=reason):
        decode(subject, data)
