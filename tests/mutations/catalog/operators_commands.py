"""Dead letters, lag, timelines, and exit statuses of the operators' commands."""

from mutations.mutation import Mutation, tests_in

_INTEGRATION = "marketplace/tests/integration"


def _exits(test: str) -> tuple[str, ...]:
    return tests_in(f"{_INTEGRATION}/test_operations_exit_status.py", test)


MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="replay-reaches-one-consumer",
        promise="The replay of a dead letter reaches the consumer that failed, and no other.",
        where="marketplace.operations.replay_client:ReplayClient.replay",
        old="replay_subject(consumer),",
        new="subject,",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_replay_client.py",
            "test_a_replay_reaches_the_consumer_that_failed_and_no_other[motor]",
        ),
    ),
    Mutation(
        name="replay-drops-only-after-success",
        promise="A dead letter is dropped only after its replay has succeeded.",
        where="marketplace.operations.dead_letters:replay_dead_letter",
        old="if not reason:",
        new="if letter:",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_replay_client.py", "test_a_dead_letter_that_fails_again_stays[motor]"
        ),
    ),
    Mutation(
        name="drop-all-or-none",
        promise="If one of the dead letters to drop does not exist, none is dropped.",
        where="marketplace.operations.dead_letter_commands:drop_letters",
        old="""\
chosen = [await _known(connection, each) for each in dict.fromkeys(ids)]
for letter in chosen:
    await letters.drop_dead_letter(connection, letter)
return [letter.id for letter in chosen]""",
        new="""\
for each in dict.fromkeys(ids):
    await letters.drop_dead_letter(connection, await _known(connection, each))
return list(dict.fromkeys(ids))""",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_replay_client.py", "test_nothing_is_dropped_if_one_of_the_ids_is_unknown"
        ),
    ),
    Mutation(
        name="drop-both-reports-of-a-delivery",
        promise="A dead letter and the broker's own report about the same delivery are dropped together.",
        where="marketplace.operations.dead_letters:drop_dead_letter",
        old="{letter.id, *letter.advisories}",
        new="{letter.id}",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_dead_letters.py",
            "test_a_delivery_reported_by_nats_and_its_consumer_is_one_dead_letter[motor]",
        ),
    ),
    Mutation(
        name="lag-counts-unacknowledged-events",
        promise="The age of the oldest event counts events that were delivered and not acknowledged.",
        where="marketplace.operations.lag:_age_of_the_oldest",
        old="if not info.num_pending and not info.num_ack_pending:",
        new="if not info.num_pending:",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_lag.py",
            "test_lag_counts_events_and_shows_the_age_of_the_oldest_unacknowledged_one[motor]",
        ),
    ),
    Mutation(
        name="lag-counts-pending-events",
        promise="The command lag counts the events that were not delivered yet.",
        where="marketplace.operations.lag:_lag_of",
        old="pending=info.num_pending or 0,",
        new="",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_lag.py",
            "test_lag_counts_events_and_shows_the_age_of_the_oldest_unacknowledged_one[motor]",
        ),
    ),
    Mutation(
        name="lag-lists-missing-consumers",
        promise="The command lag lists a consumer that does not exist as missing.",
        where="marketplace.operations.lag:_lag_of",
        old="return Lag(consumer.name, provisioned=False)",
        new="return Lag(consumer.name, provisioned=True, listening=True)",
        tests=_exits("test_lag_exits_with_1_if_a_consumer_is_missing"),
    ),
    Mutation(
        name="lag-finds-stuck-outboxes",
        promise="The command lag finds events that stay in an outbox or cannot be read.",
        where="marketplace.operations.lag_command:_Found.is_healthy",
        old="and not stuck",
        new="",
        tests=_exits("test_lag_exits_with_1_if_an_event_stays_in_its_outbox"),
        slow=True,
    ),
    Mutation(
        name="lag-finds-full-streams",
        promise="The command lag names a stream that is full.",
        where="marketplace.operations.stream_state:problems_of_streams",
        old="if limit and 0 < limit <= used",
        new="if False",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_lag.py",
            "test_a_full_stream_and_a_missing_stream_are_named[motor]",
        ),
    ),
    Mutation(
        name="lag-finds-paused-consumers",
        promise="The command lag exits with status 1 while a consumer is paused.",
        where="marketplace.operations.lag:Lag.is_healthy",
        old=" and not self.paused_until",
        new="",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_lag.py",
            "test_lag_says_until_when_a_consumer_is_paused[motor]",
        ),
    ),
    Mutation(
        name="provisioning-says-what-nats-cannot-change",
        promise="Provisioning names a setting of a consumer that NATS cannot change, and provisions all others.",
        where="common.messaging.provisioning:provision_consumers",
        old='or "update" not in (error.description or "")',
        new="or True",
        tests=tests_in(
            f"{_INTEGRATION}/test_provisioning.py",
            "test_provisioning_says_what_to_do_about_a_setting_that_nats_cannot_change[ack_policy]",
        ),
        slow=True,
    ),
    Mutation(
        name="timelines-are-bounded",
        promise="A timeline reads at most 200 events of an aggregate.",
        where="common.messaging.timeline:TimelineReader._read",
        old="for _ in range(_LONGEST):",
        new="while True:",
        tests=tests_in(
            "common/tests/integration/messaging/test_timeline.py",
            "test_a_timeline_has_at_most_200_events_of_an_aggregate",
        ),
    ),
    Mutation(
        name="audit-exits-with-1",
        promise="The command audit exits with status 1 if something differs.",
        where="marketplace.operations.audit_command:audit_everything",
        old="raise typer.Exit(int(bool(report.differences)))",
        new="raise typer.Exit",
        tests=_exits("test_an_audit_that_finds_a_difference_exits_with_1"),
        slow=True,
    ),
    Mutation(
        name="rebuild-exits-with-1",
        promise="The command rebuild exits with status 1 if something could not be passed on to the service.",
        where="marketplace.operations.rebuild_command:rebuild_one",
        old="rebuilt.not_replayed or rebuilt.without_owner",
        new="rebuilt.without_owner",
        tests=_exits("test_a_rebuild_whose_service_is_down_exits_with_1"),
    ),
    Mutation(
        name="rebuild-without-an-owner-exits-with-1",
        promise="The command rebuild exits with status 1 if it has written what its owner does not have.",
        where="marketplace.operations.rebuild_command:rebuild_one",
        old="rebuilt.not_replayed or rebuilt.without_owner",
        new="rebuilt.not_replayed",
        tests=_exits("test_a_rebuild_that_brings_back_what_its_owner_lost_exits_with_1"),
    ),
    Mutation(
        name="replay-exits-with-1",
        promise="The command replay exits with status 1 if a dead letter has failed again.",
        where="marketplace.operations.dead_letter_commands:replay_letters",
        old="raise typer.Exit(int(any(outcomes.values())))",
        new="raise typer.Exit(int(not outcomes))",
        tests=_exits("test_a_replay_that_fails_exits_with_1"),
    ),
)
