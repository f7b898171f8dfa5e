"""A document or a message that is damaged harms only itself."""

from mutations.mutation import Mutation, tests_in

_AGGREGATE = "common/tests/unit/domain/test_aggregate.py"
_DAMAGED = "tests/integration/test_damaged_documents.py"
_PUBLISHER = "common/tests/integration/messaging/test_publisher.py"
_LOOP = "test_a_background_loop_finishes_the_sound_documents_among_damaged_ones"
_REFUSED = "test_a_message_that_can_never_be_stored_is_refused"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="unreadable-documents-skipped",
        promise="A document that cannot be parsed is skipped where many are read.",
        where="common.storage.document_reader:DocumentReader.read_all",
        old="with suppress(UnreadableDocument):",
        new="if True:",
        tests=tests_in(_DAMAGED, f"{_LOOP}[motor-recovery job-missing field]", f"{_LOOP}[motor-timers-missing field]"),
    ),
    Mutation(
        name="refused-timer-delays-no-other",
        promise="A timer that the broker refuses does not keep other timers from being set.",
        where="expiration.service:ExpirationService._set_timer",
        old="except Exception:",
        new="except ZeroDivisionError:",
        tests=tests_in(
            "expiration/tests/unit/test_missed_timers.py", "test_a_timer_that_is_refused_does_not_delay_the_others"
        ),
    ),
    Mutation(
        name="unreadable-documents-counted",
        promise="Each meeting with an unreadable document is counted.",
        where="common.storage.document_reader:DocumentReader._report",
        old="UNREADABLE.labels(self._collection).inc()",
        new="",
        tests=tests_in(
            "common/tests/unit/storage/test_document_reader.py",
            "test_an_unreadable_document_is_skipped_counted_each_time_and_logged_once_without_its_values",
        ),
    ),
    Mutation(
        name="staged-events-parsed-one-by-one",
        promise="An outbox entry that cannot be parsed keeps no other event from being published.",
        where="common.messaging.outbox_relay:OutboxRelay.poll",
        old="for event in reader.read_all(outbox_entries(document))",
        new="for event in map(StagedEvent.model_validate, document['outbox'])",
        tests=tests_in(
            _DAMAGED,
            "test_a_service_with_damaged_documents_handles_all_events_and_publishes_all_sound_ones"
            "[motor-orders-complete-order-on-payment-created-missing field]",
        ),
    ),
    Mutation(
        name="any-date-can-be-read",
        promise="A date that Python cannot represent makes no other document unreadable.",
        where="common.storage.mongo:Mongo.__init__",
        old='"datetime_conversion": "DATETIME_AUTO",',
        new="",
        tests=tests_in(_DAMAGED, f"{_LOOP}[motor-timers-huge value]"),
    ),
    Mutation(
        name="stored-version-required",
        promise="A stored aggregate without a version is not taken for a new one.",
        where="common.domain.aggregate:Aggregate.from_document",
        old='"version": None, ',
        new="",
        tests=tests_in(_AGGREGATE, "test_a_document_without_a_whole_number_as_version_cannot_be_read"),
    ),
    Mutation(
        name="stored-version-is-a-number",
        promise="A stored version that is a text is not taken for a number, because no write would ever match it.",
        where="common.domain.aggregate:Aggregate.version",
        old="strict=True",
        new="strict=False",
        tests=tests_in(_AGGREGATE, "test_a_document_without_a_whole_number_as_version_cannot_be_read"),
    ),
    Mutation(
        name="loop-started-again",
        promise="A background loop that fails is started again.",
        where="common.runtime.background:keep_running",
        old="except Exception:",
        new="except ZeroDivisionError:",
        tests=tests_in(
            "common/tests/integration/runtime/test_service_runtime.py",
            "test_a_background_loop_that_fails_is_started_again_and_harms_no_other",
        ),
    ),
    Mutation(
        name="refused-message-is-no-outage",
        promise="A message that the stream will never store is not taken for an outage.",
        where="common.messaging.publisher:_is_refused",
        old="size > stream.max_message_bytes",
        new="False",
        tests=tests_in(_PUBLISHER, f"{_REFUSED}[larger than the stream takes]"),
    ),
    Mutation(
        name="no-instruction-to-the-stream",
        promise="A staged event whose headers would give the stream an instruction is refused, and harms only itself.",
        where="common.messaging.publisher:Publisher.publish",
        old="if name.lower().startswith(_INSTRUCTIONS) and name != MESSAGE_ID:",
        new="if False:",
        tests=tests_in(_PUBLISHER, f"{_REFUSED}[a time to live]", f"{_REFUSED}[an expected position]"),
    ),
    Mutation(
        name="subjects-match-token-by-token",
        promise="A staged event whose subject has another number of tokens than its stream stores is refused.",
        where="common.messaging.streams:_matches",
        old="same_length = len(tokens) == len(pattern)",
        new='same_length = True; pattern = (pattern + ["*"] * 9)[: len(tokens)]',
        tests=tests_in(_PUBLISHER, f"{_REFUSED}[one more token]"),
    ),
    Mutation(
        name="unknown-subject-is-no-outage",
        promise="An event of another version, for which there is no stream, is not taken for an outage.",
        where="common.messaging.publisher:_is_refused",
        old="or stream is None\n",
        new="",
        tests=tests_in(_PUBLISHER, f"{_REFUSED}[a fact of another version]"),
    ),
    Mutation(
        name="no-message-closes-the-connection",
        promise="A message or a subject for which NATS would close the connection is not sent.",
        where="common.messaging.publisher:Publisher.publish_raw",
        old="if len(subject) > _LONGEST_SUBJECT or size > _LARGEST_MESSAGE:",
        new="if False:",
        tests=tests_in(_PUBLISHER, f"{_REFUSED}[large headers]", f"{_REFUSED}[a long subject]"),
    ),
    Mutation(
        name="dead-letter-may-be-larger",
        promise="The largest event can become a dead letter.",
        where="common.messaging.streams:DEAD_LETTERS",
        old="max_message_bytes=2 * MAX_MESSAGE_BYTES,",
        new="",
        tests=tests_in(
            "common/tests/integration/messaging/test_streams.py", "test_the_largest_event_can_become_a_dead_letter"
        ),
    ),
    Mutation(
        name="time-in-the-future-is-not-recent",
        promise="What was begun while the clock was ahead is finished when the clock is set back.",
        where="common.domain.clock:is_within",
        old="abs(now - stored) <= limit",
        new="now - stored <= limit",
        tests=(
            *tests_in(
                "payments/tests/unit/test_recover_open_payments.py",
                "test_the_recovery_job_finishes_a_payment_that_was_begun_while_the_clock_was_ahead",
            ),
            *tests_in(
                "tests/integration/test_idempotent_requests.py",
                "test_a_claim_from_the_future_can_be_taken_over",
            ),
        ),
    ),
    Mutation(
        name="all-pages-are-read",
        promise="A background job reads all pages of what it has to finish.",
        where="common.storage.repository:AggregateRepository.find_all",
        old="while documents := await cursor.to_list(page):",
        new="if documents := await cursor.to_list(page):",
        tests=tests_in(
            "common/tests/integration/storage/test_repository.py", "test_all_aggregates_are_read_once_in_pages"
        ),
    ),
)
