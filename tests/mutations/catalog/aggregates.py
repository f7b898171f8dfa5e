"""Aggregates, read models and their versions."""

from mutations.mutation import Mutation, tests_in

_CONFLICTS = "common/tests/integration/storage/test_repository_conflicts.py"
_REPOSITORY = "common/tests/integration/storage/test_repository.py"
_AGGREGATE = "common/tests/unit/domain/test_aggregate.py"
_READ_MODEL = "orders/tests/integration/test_ticket_read_model.py"
_BATCHES = "common/tests/integration/storage/test_batching_collection.py"
_BATCHING = "common/tests/unit/storage/test_batcher.py"
_INDEXES = "common/tests/integration/runtime/test_service_runtime_indexes.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="write-is-conditional-on-the-version",
        promise="An aggregate is written only over the version that was read.",
        where="common.storage.repository:AggregateRepository.save",
        old=', "version": aggregate.stored_version}',
        new="}",
        tests=tests_in(_CONFLICTS, "test_a_write_over_an_old_version_changes_nothing"),
    ),
    Mutation(
        name="version-conflict-is-retried",
        promise="A use case that meets a version conflict runs again, from its read on.",
        where="common.storage.retry:retry_on_conflict",
        old="range(_ATTEMPTS - 1)",
        new="range(0)",
        tests=tests_in(_CONFLICTS, "test_concurrent_changes_happen_one_after_the_other"),
    ),
    Mutation(
        name="every-change-counts",
        promise="Every change of an aggregate has a version of its own, also one that is not published.",
        where="common.domain.aggregate:Aggregate._change",
        old="""
            self.version += 1
            if event_type is not None:
        """,
        new="""
            if event_type is not None:
                self.version += 1
        """,
        tests=tests_in(_AGGREGATE, "test_every_change_increments_the_version_even_without_an_event"),
    ),
    Mutation(
        name="stored-events-are-forgotten",
        promise="An event that has been stored with its change is not staged again with the next one.",
        where="common.domain.aggregate:Aggregate.mark_stored",
        old="self._recorded = []",
        new="",
        tests=tests_in(_AGGREGATE, "test_stored_events_are_not_recorded_again"),
    ),
    Mutation(
        name="new-aggregate-is-stored-with-its-event",
        promise="A new aggregate and its first event are one write.",
        where="common.storage.repository:AggregateRepository.add",
        old="[event.to_document() for event in staged]",
        new="[]",
        tests=tests_in(_REPOSITORY, "test_the_events_of_a_write_survive_a_crash_directly_after_it"),
    ),
    Mutation(
        name="change-is-stored-with-its-event",
        promise="A change of an aggregate and its events are one write.",
        where="common.storage.repository:AggregateRepository.save",
        old="if staged:",
        new="if False:",
        tests=tests_in(_REPOSITORY, "test_the_events_of_a_write_survive_a_crash_directly_after_it"),
    ),
    Mutation(
        name="read-model-takes-newer-versions-only",
        promise="A read model applies an event only if its version is newer than the stored one.",
        where="common.storage.read_model:ReadModelRepository.apply",
        old=', "version": {"$not": {"$gte": event.version}}}',
        new="}",
        tests=tests_in(_READ_MODEL, "test_an_older_version_never_replaces_a_newer_one"),
    ),
    Mutation(
        name="read-model-looks-twice",
        promise="Of two first events of an aggregate that arrive at once, a read model keeps the newer one.",
        where="common.storage.read_model:ReadModelRepository.apply",
        old="raise VersionConflict",
        new="return False\nraise VersionConflict",
        tests=tests_in(_READ_MODEL, "test_an_event_that_loses_the_insert_still_wins_if_it_is_newer"),
    ),
    Mutation(
        name="read-model-trusts-the-majority",
        promise="A read model ignores an event only if a majority of the replica set has stored that or a newer one.",
        where="common.storage.read_model:ReadModelRepository.apply",
        old="""
            if await self.collection.find_one({**key, "version": {"$gte": event.version}}) is None:
                raise VersionConflict("Another event was stored at the same moment. Try again.") from None
            return False
        """,
        new='return (await self.collection.update_one(older, {"$set": state})).matched_count == 1',
        tests=tests_in(
            "common/tests/integration/storage/test_read_model.py",
            "test_an_event_is_applied_again_if_mongodb_has_undone_its_write",
        ),
    ),
    Mutation(
        name="lookup-waits-for-an-event-on-its-way",
        promise="A client that creates something and uses it at once is not told that it does not exist.",
        where="common.storage.read_model:ReadModelRepository.find_or_wait",
        old="if is_new_enough or time.monotonic() >= deadline:",
        new="if True:",
        tests=tests_in(
            "common/tests/integration/storage/test_read_model.py",
            "test_find_or_wait_waits_for_an_event_that_arrives_soon",
        ),
    ),
    Mutation(
        name="batch-tells-refused-writes-apart",
        promise="In a batch of writes, only those fail that MongoDB refused.",
        where="common.storage.batching_collection:BatchingCollection._write",
        old="result = error.details",
        new="raise",
        tests=tests_in(_BATCHES, "test_of_concurrent_inserts_only_those_with_a_taken_key_fail"),
    ),
    Mutation(
        name="batch-tells-impossible-documents-apart",
        promise="A document that cannot be sent to MongoDB does not fail the others of its batch.",
        where="common.storage.batching_collection:_outcomes_of",
        old="return list(await asyncio.gather(*(_outcome_of(one(each)) for each in calls)))",
        new="raise",
        tests=tests_in(_BATCHES, "test_a_document_that_cannot_be_stored_fails_alone"),
    ),
    Mutation(
        name="batched-lookups-get-their-own-answers",
        promise="Each lookup of a batch gets the document that it asked for.",
        where="common.storage.batching_collection:BatchingCollection._find_batch",
        old="if value in found else None for position, value in alike.items()",
        new="if value in found else None for position, value in zip(alike, sorted(alike.values()))",
        tests=tests_in(_BATCHES, "test_concurrent_lookups_each_find_their_document_or_nothing"),
    ),
    Mutation(
        name="batched-upserts-count-their-matches",
        promise="Each upsert of a batch knows whether it changed a document or inserted one.",
        where="common.storage.batching_collection:BatchingCollection._write",
        old="_Written(0 if each in inserted else 1)",
        new="_Written(1)",
        tests=tests_in(_BATCHES, "test_of_concurrent_upserts_only_those_with_an_old_version_fail"),
    ),
    Mutation(
        name="batch-heeds-the-write-concern",
        promise="No write of a batch counts as done when its write concern was not met.",
        where="common.storage.batching_collection:BatchingCollection._write",
        old='if result["writeConcernErrors"]:',
        new="if False:",
        tests=tests_in(_BATCHES, "test_writes_of_a_batch_fail_when_the_write_concern_was_not_met"),
    ),
    Mutation(
        name="errors-hide-documents",
        promise="The error of a refused write, which may be logged, does not contain the document.",
        where="common.storage.batching_collection:BatchingCollection._write",
        old='if name != "op"',
        new="",
        tests=tests_in(_BATCHES, "test_an_error_does_not_contain_the_document"),
    ),
    Mutation(
        name="outage-ends-all-waiting-calls",
        promise="When the database does not answer a batch, calls that wait behind it fail at once.",
        where="common.storage.batcher:Batcher._run",
        old="""
            finished = [(each, error) for each in (*batch, *self._waiting)]
            self._waiting.clear()
        """,
        new="finished = [(each, error) for each in batch]",
        tests=tests_in(_BATCHING, "test_a_failure_of_a_batch_fails_the_waiting_calls_and_no_later_ones"),
    ),
    Mutation(
        name="cancelled-call-leaves-its-batch",
        promise="A write whose request has timed out while it waited for its batch is not made.",
        where="common.storage.batcher:Batcher._work",
        old="if not each[1].done()",
        new="",
        tests=tests_in(_BATCHING, "test_a_cancelled_call_is_not_sent_and_does_not_cancel_others"),
    ),
    Mutation(
        name="users-unique-index-made-at-start",
        promise="Auth is ready only once its unique index on email addresses exists.",
        where="auth.main:create_app",
        old="runtime.before_start(users.create_indexes)",
        new="",
        tests=tests_in(_INDEXES, "test_a_ready_service_has_created_all_its_indexes[motor-auth]"),
    ),
    Mutation(
        name="deadlines-index-made-at-start",
        promise="Expiration is ready only once the index exists by which it finds pending deadlines.",
        where="expiration.main:create_app",
        old="runtime.before_start(deadlines.create_indexes)",
        new="",
        tests=tests_in(_INDEXES, "test_a_ready_service_has_created_all_its_indexes[motor-expiration]"),
    ),
)
