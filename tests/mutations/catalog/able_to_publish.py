"""Healthy means able to publish and to receive."""

from mutations.mutation import Mutation, tests_in

_WITHOUT = "common/tests/integration/runtime/test_service_runtime_outages.py"
_HEALTH = "common/tests/integration/messaging/test_publishing_health.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="changes-need-a-stream",
        promise="A service accepts no change while the stream takes no events.",
        where="common.runtime.service_runtime:ServiceRuntime.check_can_publish",
        old="if self.relay.health.problem:",
        new="if False:",
        tests=tests_in(
            _WITHOUT,
            "test_without_a_stream_services_refuse_changes_within_5_s_and_accept_them_when_it_is_back[full]",
        ),
        slow=True,
    ),
    Mutation(
        name="changes-wait-for-a-slow-stream",
        promise="A service accepts no change while an event waits for more than 10 s until the stream has stored it.",
        where="common.messaging.publishing_health:PublishingHealth.problem",
        old="if self.waiting_seconds > _MAY_WAIT_SECONDS:",
        new="if False:",
        tests=tests_in(_HEALTH, "test_changes_must_be_refused_while_an_event_waits_for_more_than_10_s"),
    ),
    Mutation(
        name="a-refused-event-stops-no-change",
        promise="A service accepts changes although the stream refuses one of its events.",
        where="common.messaging.publishing_health:PublishingHealth.note",
        old="""
            self._waiting.pop(event.id, None)
            if isinstance(failure, EventIdTaken):
        """,
        new="""
            if isinstance(failure, EventIdTaken):
        """,
        tests=tests_in(_HEALTH, "test_an_event_that_the_stream_refuses_does_not_stop_the_changes"),
    ),
    Mutation(
        name="changes-wait-for-every-event",
        promise="A service accepts no change while one of its events waits for more than 10 s, although others do not.",
        where="common.messaging.publishing_health:PublishingHealth.note_waiting",
        old="self._waiting.setdefault(event_id, self._monotonic())",
        new="self._waiting[event_id] = self._monotonic()",
        tests=tests_in(_HEALTH, "test_changes_must_be_refused_while_one_of_many_events_cannot_be_published"),
    ),
    Mutation(
        name="a-complete-poll-ends-a-failure",
        promise="A service accepts changes again after another process has published the event that it could not.",
        where="common.messaging.publishing_health:PublishingHealth.note_poll",
        old="if not self._waiting:",
        new="if False:",
        tests=tests_in(
            _HEALTH,
            "test_changes_are_accepted_again_after_another_process_has_published_the_event[motor-0]",
            "test_changes_are_accepted_again_after_another_process_has_published_the_event[motor-1]",
        ),
    ),
    Mutation(
        name="outage-makes-no-instance-unready",
        promise="An instance stays ready while a dependency that all instances share is away.",
        where="common.runtime.service_runtime:ServiceRuntime.check_ready",
        old="lacking = await self._lacking()",
        new="await self.mongo.ping(); await self.broker.ping(); lacking: list[str] = []",
        tests=tests_in(_WITHOUT, "test_without_mongodb_services_answer_503_within_5_s_and_recover_within_3_s[killed]"),
        slow=True,
    ),
    Mutation(
        name="lost-consumer-noticed",
        promise="A service notices that its durable consumer was deleted.",
        where="common.messaging.subscription:Subscription._look_after",
        old="reason = await self._why_unusable(config)",
        new='reason = ""',
        tests=tests_in(
            "common/tests/integration/messaging/test_subscription.py",
            "test_an_unusable_consumer_is_noticed_and_works_again_once_it_is_provisioned[delete_consumer]",
        ),
        slow=True,
    ),
    Mutation(
        name="paused-consumer-noticed",
        promise="A service notices that its durable consumer was paused, and says so.",
        where="common.messaging.consumer:paused_until",
        old="if info.paused",
        new="if False",
        tests=tests_in(
            "common/tests/integration/messaging/test_subscription.py",
            "test_an_unusable_consumer_is_noticed_and_works_again_once_it_is_provisioned[pause]",
        ),
        slow=True,
    ),
    Mutation(
        name="resumed-consumer-delivers-what-waited",
        promise="Provisioning resumes a paused durable consumer, which then delivers the events that have waited.",
        where="common.messaging.provisioning:_resume",
        old="max_ack_pending=(config.max_ack_pending or 0) + 1",
        new="",
        tests=tests_in(
            "common/tests/integration/messaging/test_subscription.py",
            "test_an_unusable_consumer_is_noticed_and_works_again_once_it_is_provisioned[pause]",
        ),
        slow=True,
    ),
    Mutation(
        name="other-ack-wait-is-good-enough",
        promise="A version works with a durable consumer whose ack_wait another version has changed.",
        where="common.messaging.consumer:unsuitable_settings",
        old="for name in _MUST_BE_EQUAL",
        new='for name in (*_MUST_BE_EQUAL, "ack_wait")',
        tests=tests_in(
            "common/tests/integration/messaging/test_subscription.py",
            "test_a_subscription_works_with_settings_that_a_newer_version_has_changed",
        ),
    ),
)
