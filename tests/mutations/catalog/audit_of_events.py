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
        old="set(needed) - history.digests.keys()",
        new='{state["version"]} - history.digests.keys()',
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
        old='yield key, "missing"',
        new="pass",
        tests=_audited("test_a_document_that_is_missing_in_a_read_model_is_found[tickets-order_replicas]"),
    ),
    Mutation(
        name="audit-finds-an-orphan",
        promise="The audit finds a document in a read model that its owner does not have.",
        where="marketplace.operations.audit:_differs_from_its_owner",
        old="for key in copies.keys() - originals.keys():",
        new="for key in ():",
        tests=_audited(
            "test_a_document_in_a_read_model_that_its_owner_does_not_have_is_found[payments-order_replicas]"
        ),
    ),
    Mutation(
        name="audit-expects-the-newest-event-in-a-copy",
        promise="The audit expects in a copy what was published, also if the original has a newer state without event.",
        where="marketplace.operations.histories:Histories.published_state",
        old="if owned.spec.event_per_version:",
        new="if True:",
        tests=tests_in(
            f"{_UNIT}/test_operations_audit_copies.py",
            "test_a_copy_with_the_newest_published_state_is_right",
            "test_a_copy_of_what_was_never_published_is_found",
        ),
    ),
    Mutation(
        name="audit-finds-a-copy-of-what-was-never-published",
        promise="The audit finds a copy of a document that its owner has never published, as of a declined payment.",
        where="marketplace.operations.audit:_differs_from_its_owner",
        old='yield key, f"{owner.service} has not published it"',
        new="pass",
        tests=tests_in(f"{_UNIT}/test_operations_audit_copies.py", "test_a_copy_of_what_was_never_published_is_found"),
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
    Mutation(
        name="audit-finds-events-without-an-owner",
        promise="The audit finds events of an aggregate that its owner does not have, as after the loss of a database.",
        where="marketplace.operations.audit:_check_everything",
        old="yield from _checked(owned.rule, None, _events_without_an_owner(snapshot, histories, owned))",
        new="",
        tests=_audited("test_events_that_their_owner_does_not_have_are_found[expiration-deadlines]"),
    ),
    Mutation(
        name="audit-does-not-miss-an-unreadable-owner",
        promise="The audit does not report the events of an unreadable document as events without an owner.",
        where="marketplace.operations.audit:_events_without_an_owner",
        old="and (owned.service, owned.collection, key) not in snapshot.excluded",
        new="",
        tests=_audited("test_events_of_an_unreadable_document_are_not_without_an_owner[tickets-tickets]"),
    ),
    Mutation(
        name="audit-finds-two-events-of-one-version",
        promise="The audit finds two different events of one version, as after a restore from a backup.",
        where="marketplace.operations.histories:History.add",
        old="self.contradictory |= {event.version}",
        new="pass",
        tests=_differs("test_two_different_events_of_one_version_are_found"),
    ),
    Mutation(
        name="audit-compares-the-outbox-with-the-stream",
        promise="The audit finds a staged event that the stream will take for a duplicate of a different event.",
        where="marketplace.operations.histories:Histories._with_outbox",
        old="history = history and history.copy()",
        new="history = None",
        tests=_differs("test_an_event_in_the_outbox_that_contradicts_the_stream_is_found"),
    ),
    Mutation(
        name="audit-compares-decoded-events",
        promise="An event that lacks an optional field is no other fact than one in which it has its default.",
        where="marketplace.operations.histories:_digest",
        old="event.to_json()",
        new="event.model_dump_json(exclude_unset=True)",
        tests=_differs("test_an_optional_field_that_an_older_event_lacks_is_no_contradiction"),
    ),
    Mutation(
        name="audit-accepts-a-republished-state",
        promise="The audit does not miss the events before a state that its owner has published again.",
        where=_HISTORIES,
        old="range(history.republished + 1,",
        new="range(1,",
        tests=_differs("test_events_before_a_republished_state_are_not_lost"),
    ),
    Mutation(
        name="audit-finds-a-loss-after-a-republished-state",
        promise="The audit finds a lost event that is newer than the state that its owner has published again.",
        where=_HISTORIES,
        old='range(history.republished + 1, state["version"] + 1)',
        new='range(1, 0 if history.republished else state["version"] + 1)',
        tests=_differs("test_events_before_a_republished_state_are_not_lost"),
    ),
    Mutation(
        name="audit-recognises-a-republished-state",
        promise="The audit recognises a state that was published again by the header of its message.",
        where="marketplace.operations.histories:Histories.catch_up",
        old="self.add(event, republished=_is_republished(message.headers))",
        new="self.add(event)",
        tests=tests_in(
            "marketplace/tests/integration/test_operations_audit_streams.py",
            "test_events_before_a_state_that_was_published_again_are_not_lost[motor]",
        ),
    ),
    Mutation(
        name="audit-settles-a-contradiction",
        promise="Two different events of one version are reported until a newer state is published again, no longer.",
        where="marketplace.operations.histories:History.unsettled",
        old="version >= self.republished",
        new="version > self.republished",
        tests=_differs("test_a_contradiction_counts_until_a_newer_state_is_republished"),
    ),
    Mutation(
        name="audit-accepts-an-older-event",
        promise="An event that lacks a field of a newer version of its service does not differ from the document.",
        where=_HISTORIES,
        old="if name in newest.model_fields_set",
        new="",
        tests=_differs("test_an_event_that_lacks_a_newer_field_does_not_differ_from_its_owner"),
    ),
    Mutation(
        name="audit-compares-what-both-events-have",
        promise="An event published again with a field of a newer version does not contradict the older event.",
        where="common.domain.event:Event.agrees_with",
        old="self.model_fields_set & other.model_fields_set",
        new="self.model_fields_set | other.model_fields_set",
        tests=_differs("test_a_state_that_is_published_again_with_a_newer_field_is_no_contradiction"),
    ),
    Mutation(
        name="audit-waits-for-a-leader",
        promise="The audit waits while a NATS cluster elects a leader for the consumer with which it reads.",
        where="marketplace.operations.stream_reader:_pull",
        old="except (TimeoutError, NatsTimeout, ServiceUnavailableError) as error:",
        new="except (TimeoutError, NatsTimeout) as error:",
        tests=tests_in(
            "marketplace/tests/integration/test_operations_audit_streams.py",
            "test_the_audit_waits_while_a_cluster_elects_a_leader[motor]",
        ),
    ),
)
