"""Rebuilding read models, and repairing."""

from mutations.mutation import Mutation, tests_in

_INTEGRATION = "marketplace/tests/integration"
_REFUSED = "test_a_rebuild_fails_if_a_write_is_refused_and_the_next_one_succeeds"


def _guarded(test: str) -> tuple[str, ...]:
    return tests_in(f"{_INTEGRATION}/test_operations_rebuild_guards.py", test)


MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="repair-rebuilds-only-what-differs",
        promise="A repair rebuilds only the read models in which the audit has found a difference.",
        where="marketplace.operations.repair:repair",
        old="if any(difference.rule == read_model.rule for difference in report.differences):",
        new="if report.differences:",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_repair.py",
            "test_a_repair_rebuilds_only_the_read_model_that_differs[motor-tickets-order_replicas]",
        ),
    ),
    Mutation(
        name="repair-leaves-the-rest-to-a-person",
        promise="A repair lets tickets determine a holder again only where the audit has found a wrong holder.",
        where="marketplace.operations.repair:_subjects",
        old="if each.rule == rule and each.subject",
        new="if each.subject",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_repair.py",
            "test_a_repair_changes_nothing_that_needs_a_person[motor-one live order per ticket]",
        ),
    ),
    Mutation(
        name="rebuild-never-overwrites-a-newer-version",
        promise="An event that a service has applied while its read model is rebuilt is not overwritten.",
        where="marketplace.operations.rebuild:_unless_newer_than",
        old='return {"_id": key, "$or": older + ([{"version": found.get("version")}] if found else [])}',
        new='return {"_id": key}',
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_rebuild.py",
            "test_an_event_that_arrives_before_the_write_is_not_overwritten[motor]",
        ),
    ),
    Mutation(
        name="rebuild-removes-only-what-it-has-seen",
        promise="A rebuild removes a document only if the service has not updated it meanwhile.",
        where="marketplace.operations.rebuild:rebuild",
        old='DeleteOne({"_id": key, "version": present[key].get("version")})',
        new='DeleteOne({"_id": key})',
        tests=_guarded("test_an_orphan_that_the_service_updates_meanwhile_is_not_removed[motor]"),
    ),
    Mutation(
        name="rebuild-removes-no-order-placed-meanwhile",
        promise="A rebuild does not remove an aggregate that was created after the stream was read.",
        where="marketplace.operations.rebuild:_is_known",
        old="if await read_events_of(operator.broker, read_model.events[0], key): return True",
        new="",
        tests=_guarded("test_an_order_whose_event_arrives_during_the_rebuild_keeps_its_read_model[motor]"),
    ),
    Mutation(
        name="rebuild-asks-the-owner-before-it-removes",
        promise="A rebuild does not remove a document whose owner has it, even if its event is not in the stream.",
        where="marketplace.operations.rebuild:_is_known",
        old="return original is not None and read_model.original.is_published(original)",
        new="return False",
        tests=_guarded("test_an_order_whose_event_is_not_in_the_stream_keeps_its_read_model[motor]"),
    ),
    Mutation(
        name="rebuild-removes-a-copy-of-what-was-never-published",
        promise="A rebuild removes a copy of a document that its owner has never published.",
        where="marketplace.operations.rebuild:_is_known",
        old="return original is not None and read_model.original.is_published(original)",
        new="return original is not None",
        tests=_guarded("test_a_copy_without_an_event_is_kept_only_if_its_owner_publishes_it"),
    ),
    Mutation(
        name="rebuild-takes-nothing-back-for-a-lost-event",
        promise="A rebuild keeps a read model that is newer than all events if it agrees with its owner.",
        where="marketplace.operations.rebuild:_is_rightly_newer",
        old="return original is not None and read_model.of(original) == found",
        new="return False",
        tests=_guarded("test_a_newer_read_model_whose_event_was_lost_is_kept[motor]"),
    ),
    Mutation(
        name="rebuild-keeps-what-an-unreadable-owner-may-confirm",
        promise="A rebuild keeps a newer read model while its owner's document cannot be parsed.",
        where="marketplace.operations.rebuild:_is_rightly_newer",
        old="return True # the original document cannot be parsed, so nothing shows that its copy `found` is wrong",
        new="return False",
        tests=_guarded("test_a_newer_read_model_of_an_unreadable_owner_is_kept[motor]"),
    ),
    Mutation(
        name="rebuild-knows-optional-fields",
        promise="A rebuild does not write and replay a copy that lacks only an optional field with its default.",
        where="marketplace.operations.rebuild:rebuild",
        old="with_defaults(document) for",
        new="document for",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_rebuild.py",
            "test_a_rebuild_does_not_write_a_copy_that_lacks_only_optional_fields[motor]",
        ),
    ),
    Mutation(
        name="rebuild-applies-the-newest-event",
        promise="A rebuilt read model is what the event with the highest version says, not the last one in the stream.",
        where="marketplace.operations.event_reader:read_newest_events",
        old="if newest is None or newest.version <= event.version:",
        new="if event.id:",
        tests=_guarded("test_a_damaged_read_model_gets_the_state_of_the_newest_event[motor]"),
    ),
    Mutation(
        name="rebuild-skips-what-is-no-event",
        promise="A message in the stream that cannot be parsed does not end a rebuild.",
        where="marketplace.operations.event_reader:read_all_events",
        old="with suppress(MalformedEvent):",
        new="with suppress(ZeroDivisionError):",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_rebuild.py",
            "test_a_rebuild_applies_the_newest_event_and_replays_it_to_the_service[motor]",
        ),
    ),
    Mutation(
        name="rebuild-remembers-what-was-not-replayed",
        promise="The next rebuild replays the events that a rebuild could not replay.",
        where="marketplace.operations.rebuild:rebuild",
        old="marked = {**expected, REPLAY_PENDING: True}",
        new="marked = {**expected}",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_replay_pending.py",
            "test_the_next_rebuild_replays_what_could_not_be_replayed[motor]",
        ),
    ),
    Mutation(
        name="rebuild-fails-if-a-write-is-refused",
        promise="A rebuild in which MongoDB refused a write fails, and does not report it as done.",
        where="marketplace.operations.rebuild:_write",
        old="""
            if any(problem["code"] != _DUPLICATE_KEY for problem in error.details["writeErrors"]):
                raise
        """,
        new="_ = error",
        tests=_guarded(f"{_REFUSED}[motor]"),
    ),
    Mutation(
        name="rebuild-looks-at-each-refused-write",
        promise="A rebuild with a refused write fails also if another write met a version that was stored meanwhile.",
        where="marketplace.operations.rebuild:_write",
        old="if any(",
        new="if all(",
        tests=_guarded(f"{_REFUSED}[motor]"),
    ),
    Mutation(
        name="rebuild-accepts-what-was-stored-meanwhile",
        promise="A rebuild does not fail because the service has stored a newer version meanwhile.",
        where="marketplace.operations.rebuild:_write",
        old='if any(problem["code"] != _DUPLICATE_KEY for problem in error.details["writeErrors"]):',
        new="if error.details:",
        tests=_guarded("test_a_rebuild_accepts_a_version_that_the_service_has_stored_meanwhile[motor]"),
    ),
    Mutation(
        name="replay-to-every-handler",
        promise="A replayed event reaches every handler of the service that handles its type, also the second one.",
        where="marketplace.operations.replay_events:replay_events",
        old="for each in consumers if type(event) in each.on",
        new="for each in consumers[:1]",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_replay_events.py",
            "test_every_consumer_of_the_event_is_asked_and_the_reason_of_one_is_returned[motor]",
        ),
    ),
    Mutation(
        name="few-replays-at-once",
        promise="A repair asks a service for a bounded number of replays at once, however many it has to ask for.",
        where="marketplace.operations.replay_events:replay_events",
        old="async with limit:",
        new="if limit:",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_replay_events.py",
            "test_only_a_few_replays_run_at_once_and_all_of_them_are_done[motor]",
        ),
    ),
    Mutation(
        name="rebuild-applies-the-later-of-two-facts",
        promise="Of two different events of one version, a rebuild applies the later one, which is what the owner has.",
        where="marketplace.operations.event_reader:read_newest_events",
        old="newest.version <= event.version",
        new="newest.version < event.version",
        tests=_guarded("test_of_two_events_of_one_version_a_rebuild_applies_the_later_one[motor]"),
    ),
    Mutation(
        name="rebuild-names-what-no-owner-has",
        promise="A rebuild names what it has written although the owner's database does not have it.",
        where="marketplace.operations.rebuild:_without_owner",
        old="return [key for key in ids if key not in owned]",
        new="return [key for key in ids if key in owned]",
        tests=_guarded("test_a_rebuild_names_what_it_brought_back_and_its_owner_does_not_have[motor]"),
    ),
)
