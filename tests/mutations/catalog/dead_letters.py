"""Dead letters."""

from mutations.mutation import Mutation, tests_in

_DEAD_LETTERS = "common/tests/integration/messaging/test_dead_letters.py"
_REPLAY = "common/tests/integration/messaging/test_replay.py"
_REPORT = tests_in(
    "common/tests/integration/runtime/test_service_runtime.py",
    "test_a_service_says_that_it_cannot_store_dead_letters[motor-deleted]",
)

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="dead-letter-before-termination",
        promise="A delivery is terminated only after its dead letter is stored.",
        where="common.messaging.delivery:DeliveryProcessor._dead_letter",
        old="await self._dead_letters.add(message, self._consumer.name, reason)",
        new="""
            await message.term()
            await self._dead_letters.add(message, self._consumer.name, reason)
        """,
        tests=tests_in(_DEAD_LETTERS, "test_an_event_whose_dead_letter_was_not_stored_is_delivered_again"),
        slow=True,
    ),
    Mutation(
        name="unstored-dead-letter-is-held",
        promise="An event that cannot be handled is not lost while its dead letter cannot be stored.",
        where="common.messaging.delivery:DeliveryProcessor._dead_letter",
        old='await self._until_available(store, message, "dead letter not stored, holding the event")',
        new="await store()",
        tests=tests_in(_DEAD_LETTERS, "test_an_event_waits_for_its_dead_letter_while_the_stream_is_missing"),
        slow=True,
    ),
    Mutation(
        name="unstored-dead-letter-is-reported",
        promise="A service says that it is degraded while an event waits for its dead letter.",
        where="common.messaging.subscription:Subscription.problem",
        old="(self._unusable, self._processor.problem)",
        new="(self._unusable,)",
        tests=_REPORT,
        slow=True,
    ),
    Mutation(
        name="stored-dead-letter-is-no-longer-reported",
        promise="A service that has stored its dead letters is no longer degraded because of them.",
        where="common.messaging.delivery:DeliveryProcessor._dead_letter",
        old="self._waiting_for_dead_letter.discard(sequence)",
        new="pass",
        tests=_REPORT,
        slow=True,
    ),
    Mutation(
        name="one-dead-letter-per-event-and-consumer",
        promise="An event that a consumer dead-letters twice has one dead letter.",
        where="common.messaging.dead_letters:DeadLetters.add",
        old='MESSAGE_ID: f"dead-letter-{consumer}-{place.sequence.stream}",',
        new="",
        tests=tests_in(_DEAD_LETTERS, "test_a_crash_before_the_termination_leaves_one_dead_letter"),
    ),
    Mutation(
        name="dead-letters-of-two-events",
        promise="Two events that the same consumer cannot handle have two dead letters.",
        where="common.messaging.dead_letters:DeadLetters.add",
        old="-{place.sequence.stream}",
        new="",
        tests=tests_in(_DEAD_LETTERS, "test_two_events_that_cannot_be_handled_become_two_dead_letters"),
    ),
    Mutation(
        name="dead-letter-keeps-the-headers",
        promise="A dead letter keeps the headers of its event.",
        where="common.messaging.dead_letters:DeadLetters.add",
        old='{name: value for name, value in given.items() if not name.lower().startswith("nats-")}',
        new="{}",
        tests=tests_in(_DEAD_LETTERS, "test_a_dead_letter_has_the_data_and_the_headers_of_its_event"),
    ),
    Mutation(
        name="dead-letter-gives-the-broker-no-orders",
        promise="A dead letter has none of its event's headers for the broker, such as a time to live.",
        where="common.messaging.dead_letters:DeadLetters.add",
        old='if not name.lower().startswith("nats-")',
        new="",
        tests=tests_in(_DEAD_LETTERS, "test_a_dead_letter_has_no_headers_with_instructions_to_the_broker"),
        slow=True,
    ),
    Mutation(
        name="dead-letter-fits-into-its-stream",
        promise="An event becomes a dead letter also when the reason is longer than a message may be.",
        where="common.messaging.dead_letters:DeadLetters.add",
        old="[:_LONGEST_REASON]",
        new="",
        tests=tests_in(_DEAD_LETTERS, "test_an_event_that_fails_with_a_very_long_message_becomes_a_dead_letter"),
        slow=True,
    ),
    Mutation(
        name="replay-at-one-consumer",
        promise="A dead letter is replayed at the consumer that could not handle it, and at no other.",
        where="common.messaging.replay:replay_subject",
        old='f"replay.{consumer}"',
        new='"replay.all"',
        tests=tests_in(_REPLAY, "test_a_replay_reaches_the_consumer_that_failed_and_no_other"),
    ),
    Mutation(
        name="failed-replay-is-reported",
        promise="A dead letter whose replay fails stays where it is.",
        where="common.messaging.replay:replay",
        old='f"{type(failure).__name__}: {failure}".encode()',
        new="REPLAYED",
        tests=tests_in(
            "marketplace/tests/integration/test_operations_dead_letters.py",
            "test_a_replay_succeeds_after_the_repair_and_drops_the_dead_letter",
        ),
    ),
)
