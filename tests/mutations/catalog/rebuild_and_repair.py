"""Rebuilding read models, and repairing."""

from mutations.mutation import Mutation, tests_in

_INTEGRATION = "marketplace/tests/integration"
_REFUSED = "test_a_rebuild_in_which_a_write_was_refused_fails_and_the_next_one_makes_it"


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
        promise="A repair has holders of tickets worked out anew only where the audit has found a wrong holder.",
        where="marketplace.operations.repair:repair",
        old="if each.rule == _HOLDERS and each.subject",
        new="if each.subject",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_repair.py",
            "test_a_repair_leaves_what_only_a_person_can_mend[motor-one live order a ticket]",
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
            "test_an_event_that_arrives_between_look_and_write_wins[motor]",
        ),
    ),
    Mutation(
        name="rebuild-removes-only-what-it-has-seen",
        promise="A rebuild removes a document only if the service has not updated it meanwhile.",
        where="marketplace.operations.rebuild:rebuild",
        old='DeleteOne({"_id": key, "version": present[key].get("version")})',
        new='DeleteOne({"_id": key})',
        tests=_guarded("test_an_orphan_that_the_service_has_updated_meanwhile_is_not_removed[motor]"),
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
        old="return await _original(operator, read_model, key) is not None",
        new="return False",
        tests=_guarded("test_an_order_whose_event_is_not_in_the_stream_keeps_its_read_model[motor]"),
    ),
    Mutation(
        name="rebuild-takes-nothing-back-for-a-lost-event",
        promise="A rebuild keeps a read model that is newer than all events if it agrees with its owner.",
        where="marketplace.operations.rebuild:_is_rightly_newer",
        old="return original is not None and read_model.of(original) == found",
        new="return False",
        tests=_guarded("test_a_newer_read_model_whose_event_was_lost_is_not_taken_back[motor]"),
    ),
    Mutation(
        name="rebuild-keeps-what-an-unreadable-owner-may-confirm",
        promise="A rebuild keeps a newer read model while its owner's document cannot be parsed.",
        where="marketplace.operations.rebuild:_is_rightly_newer",
        old="return True # the owner's document cannot be read: as long as nobody knows better, the read model stays",
        new="return False",
        tests=_guarded("test_a_newer_read_model_of_an_unreadable_owner_is_not_taken_back[motor]"),
    ),
    Mutation(
        name="rebuild-applies-the-newest-event",
        promise="A rebuilt read model is what the event with the highest version says, not the last one in the stream.",
        where="marketplace.operations.rebuild:_newest_events",
        old="if event.id not in newest or newest[event.id].version < event.version:",
        new="if event.id:",
        tests=_guarded("test_a_damaged_read_model_is_made_what_the_newest_event_says[motor]"),
    ),
    Mutation(
        name="rebuild-skips-what-is-no-event",
        promise="A message in the stream that cannot be parsed does not end a rebuild.",
        where="marketplace.operations.rebuild:_newest_events",
        old="continue # it is among the dead letters",
        new="raise",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_rebuild.py",
            "test_a_rebuilt_replica_is_what_the_newest_event_says_and_the_service_hears_of_it[motor]",
        ),
    ),
    Mutation(
        name="rebuild-remembers-what-was-not-passed-on",
        promise="What a rebuild could not pass on to its service is passed on by the next rebuild.",
        where="marketplace.operations.rebuild:rebuild",
        old="marking = {**wanted, UNHEARD: True}",
        new="marking = {**wanted}",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_unheard.py",
            "test_what_the_service_could_not_be_told_is_told_by_the_next_rebuild[motor]",
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
        tests=_guarded("test_a_rebuild_takes_what_the_service_has_stored_meanwhile_for_done[motor]"),
    ),
    Mutation(
        name="few-replays-at-once",
        promise="A repair asks a service for a bounded number of replays at once, however many it has to ask for.",
        where="marketplace.operations.retell:retell",
        old="async with gate:",
        new="if gate:",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_retell.py",
            "test_a_service_is_asked_for_a_few_replays_at_a_time_and_in_the_end_for_all[motor]",
        ),
    ),
)
