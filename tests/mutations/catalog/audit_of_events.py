"""The audit: events and read models."""

from mutations.mutation import Mutation, tests_in

_UNIT = "marketplace/tests/unit"
_INVARIANTS = "marketplace.operations.invariants"
_HISTORIES = "marketplace.operations.histories:Histories.differences"


def _found(damage: str) -> tuple[str, ...]:
    return tests_in(
        f"{_UNIT}/test_operations_invariants.py",
        f"test_each_broken_rule_is_found_at_the_id_that_breaks_it[{damage}]",
    )


def _differs(test: str) -> tuple[str, ...]:
    return tests_in(f"{_UNIT}/test_operations_histories.py", test)


def _audited(test: str) -> tuple[str, ...]:
    return tests_in(f"{_UNIT}/test_operations_audit.py", test)


MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="audit-finds-an-unpublished-event",
        promise="The audit finds an event that stays in an outbox.",
        where=f"{_INVARIANTS}:no_event_stays_in_an_outbox",
        old="if old:",
        new="if len(old) > 1:",
        tests=_found("event_that_was_not_published"),
    ),
    Mutation(
        name="audit-finds-an-aggregate-without-events",
        promise="The audit finds an aggregate of which the stream has no event at all.",
        where=_HISTORIES,
        old='yield f"has no event, {_LOST}"',
        new="pass",
        tests=_differs("test_an_event_that_is_neither_stored_nor_staged_is_lost"),
    ),
    Mutation(
        name="audit-finds-a-lost-event",
        promise="The audit finds each version of an aggregate of which the event was lost.",
        where=_HISTORIES,
        old='set(range(1, state["version"] + 1)) - history.versions',
        new='{state["version"]} - history.versions',
        tests=_differs("test_an_event_that_is_neither_stored_nor_staged_is_lost"),
    ),
    Mutation(
        name="audit-finds-an-owner-behind-its-events",
        promise="The audit finds an aggregate that is older than an event of it, as after a restore from a backup.",
        where=_HISTORIES,
        old="yield f\"is at version {state['version']}, but its newest event has version {published['version']}\"",
        new="return",
        tests=_differs("test_an_owner_that_is_behind_its_own_events_is_found"),
    ),
    Mutation(
        name="audit-finds-a-denied-event",
        promise="The audit finds an aggregate whose status says that it has no event, although the stream has one.",
        where=_HISTORIES,
        old="elif not owned.is_published(document):",
        new='elif published["version"] != state["version"] and not owned.is_published(document):',
        tests=_differs("test_an_owner_whose_status_contradicts_its_event_is_found"),
    ),
    Mutation(
        name="audit-finds-a-different-event",
        promise="The audit finds an aggregate whose newest event says something else than the aggregate.",
        where=_HISTORIES,
        old='if name != "version" and state.get(name, value) != value:',
        new='if name == "version" and state.get(name, value) != value:',
        tests=_differs("test_an_event_that_differs_is_reported_field_by_field"),
    ),
    Mutation(
        name="audit-finds-a-missing-read-model",
        promise="The audit finds a document that a read model lacks.",
        where="marketplace.operations.audit:_differs_from_its_owner",
        old="for key in originals.keys() | copies.keys():",
        new="for key in copies:",
        tests=_audited("test_a_document_that_is_missing_in_a_read_model_is_found[tickets-order_replicas]"),
    ),
    Mutation(
        name="audit-finds-an-orphan",
        promise="The audit finds a document in a read model that its owner does not have.",
        where="marketplace.operations.audit:_differs_from_its_owner",
        old="for key in originals.keys() | copies.keys():",
        new="for key in originals:",
        tests=_audited(
            "test_a_document_in_a_read_model_that_its_owner_does_not_have_is_found[payments-order_replicas]"
        ),
    ),
    Mutation(
        name="audit-finds-an-unknown-field",
        promise="The audit finds a field in a read model that its service does not write.",
        where="marketplace.operations.audit:_wrong_with",
        old='yield f"has a field {name} that {service} does not know"',
        new="pass",
        tests=tests_in(f"{_UNIT}/test_operations_differences.py", "test_a_difference_shows_values_as_json"),
    ),
    Mutation(
        name="audit-finds-an-event-that-was-not-replayed",
        promise="The audit finds a rebuilt document whose newest event was not replayed to its service.",
        where="marketplace.operations.audit:_wrong_with",
        old='yield f"repaired, but its newest event has not been replayed to {service} yet"',
        new="pass",
        tests=tests_in(
            f"{_UNIT}/test_operations_differences.py", "test_a_document_with_an_event_to_be_replayed_differs"
        ),
    ),
)
