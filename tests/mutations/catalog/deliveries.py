"""What becomes of a delivery."""

from mutations.mutation import Mutation, tests_in

_BATCHING = "common/tests/integration/messaging/test_delivery_batching.py"
_CONSUMER = "common/tests/integration/messaging/test_consumer.py"
_DELIVERY = "common/tests/integration/messaging/test_delivery.py"
_RETRIES = "common/tests/integration/messaging/test_delivery_retries.py"
_SUBSCRIPTION = "common/tests/integration/messaging/test_subscription.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="ack-after-the-effect",
        promise="A delivery is acknowledged only after the effect of its handler is durable.",
        where="common.messaging.delivery:DeliveryProcessor._settle",
        old="await self._call_handler(event, message)",
        new="""
            await message.ack()
            await self._call_handler(event, message)
        """,
        tests=tests_in(_RETRIES, "test_an_event_is_delivered_again_if_its_process_died"),
        slow=True,
    ),
    Mutation(
        name="acks-are-explicit",
        promise="The acknowledgement of an event does not acknowledge an older one that is still being handled.",
        where="common.messaging.consumer:Consumer.config",
        old="AckPolicy.EXPLICIT",
        new="AckPolicy.ALL",
        tests=tests_in(_CONSUMER, "test_the_ack_of_an_event_does_not_acknowledge_an_older_one"),
    ),
    Mutation(
        name="consumers-read-the-whole-history",
        promise="A consumer that is new, or was down, receives every event of its stream.",
        where="common.messaging.consumer:Consumer.config",
        old="DeliverPolicy.ALL",
        new="DeliverPolicy.NEW",
        tests=tests_in(_CONSUMER, "test_a_new_consumer_receives_every_event_that_is_in_the_stream"),
    ),
    Mutation(
        name="instances-share-deliveries",
        promise="Each event goes to one instance of a service.",
        where="common.messaging.consumer:Consumer.config",
        old="deliver_group=self.name,",
        new="",
        tests=tests_in(_CONSUMER, "test_two_instances_share_the_events_and_each_goes_to_one_of_them"),
    ),
    Mutation(
        name="bounded-deliveries-in-flight",
        promise="A consumer has no more events in flight than it declares.",
        where="common.messaging.consumer:Consumer.config",
        old="max_ack_pending=self.max_in_flight,",
        new="",
        tests=tests_in(_CONSUMER, "test_no_more_events_are_in_flight_than_the_consumer_declares"),
    ),
    Mutation(
        name="consumer-settings-are-compared",
        promise="A service does not consume while the broker would stop delivering before it can make a dead letter.",
        where="common.messaging.consumer:unsuitable_settings",
        old="0 < found.max_deliver < (declared.max_deliver or 0)",
        new="False",
        tests=tests_in(_SUBSCRIPTION, "test_a_subscription_waits_until_its_consumer_is_provisioned"),
        slow=True,
    ),
    Mutation(
        name="consumer-filter-is-compared",
        promise="A service does not consume while its consumer at the broker filters other events than it declares.",
        where="common.messaging.consumer:unsuitable_settings",
        old="if set(found.filter_subjects or ()) != set(declared.filter_subjects or ()):",
        new="if False:",
        tests=tests_in(
            _SUBSCRIPTION, "test_a_subscription_waits_while_a_setting_does_not_suit_it_and_names_it[filter_subjects]"
        ),
    ),
    *(
        Mutation(
            name=f"consumer-{setting.replace('_', '-')}-is-compared",
            promise=f"A service does not consume while its consumer at the broker has another {setting}.",
            where="common.messaging.consumer:unsuitable_settings",
            old="for name in _MUST_BE_EQUAL",
            new=f'for name in _MUST_BE_EQUAL if name != "{setting}"',
            tests=tests_in(
                _SUBSCRIPTION, f"test_a_subscription_waits_while_a_setting_does_not_suit_it_and_names_it[{setting}]"
            ),
        )
        for setting in ("deliver_policy", "ack_policy", "headers_only", "flow_control")
    ),
    Mutation(
        name="failed-handler-is-retried-after-a-delay",
        promise="An event whose handler failed is delivered again after the delay of the retry policy.",
        where="common.messaging.delivery:DeliveryProcessor._settle",
        old="await message.nak(delay=delay)",
        new="await message.nak()",
        tests=tests_in(_RETRIES, "test_a_failed_delivery_is_retried_after_a_delay_that_grows"),
    ),
    Mutation(
        name="retry-delays-grow",
        promise="The delay before an event is delivered again grows with each failure.",
        where="common.messaging.retry:RetryPolicy.delay_after",
        old="self.delays[delivery - 1]",
        new="self.delays[0]",
        tests=tests_in(_RETRIES, "test_a_failed_delivery_is_retried_after_a_delay_that_grows"),
    ),
    Mutation(
        name="early-event-comes-later",
        promise="An event that came too early is delivered again after the time that its handler asked for.",
        where="common.messaging.delivery:DeliveryProcessor._settle",
        old="await message.nak(delay=early.seconds)",
        new="await message.nak()",
        tests=tests_in(_RETRIES, "test_an_event_that_came_too_early_is_retried_after_the_time_it_asked_for"),
    ),
    Mutation(
        name="outage-uses-up-no-delivery",
        promise="While a dependency is down, an event is held and no delivery of it counts as failed.",
        where="common.messaging.delivery:DeliveryProcessor._until_available",
        old="""
            if unavailable is None:
                raise
        """,
        new="raise",
        tests=tests_in(_DELIVERY, "test_an_unavailable_dependency_uses_up_no_delivery[another dependency]"),
    ),
    Mutation(
        name="database-outage-uses-up-no-delivery",
        promise="A handler whose MongoDB does not answer counts as held, not as failed.",
        where="common.messaging.delivery:DeliveryProcessor._until_available",
        old="else as_unavailable(error)",
        new="else None",
        tests=tests_in(_DELIVERY, "test_an_unavailable_dependency_uses_up_no_delivery[MongoDB]"),
    ),
    Mutation(
        name="slow-handler-keeps-its-delivery",
        promise="An event that is still being handled is not delivered again, however long the handler takes.",
        where="common.messaging.subscription:Subscription._report_progress",
        old="await message.in_progress()",
        new="pass",
        tests=tests_in(_SUBSCRIPTION, "test_an_event_is_delivered_once_if_its_handler_takes_longer_than_the_ack_wait"),
        slow=True,
    ),
    Mutation(
        name="permanent-failure-is-not-retried",
        promise="An event that can never be handled becomes a dead letter at its first delivery.",
        where="common.messaging.delivery:DeliveryProcessor._settle",
        old="""
            except PermanentFailure as failure:
                await self._dead_letter(message, str(failure))
        """,
        new="",
        tests=tests_in(_DELIVERY, "test_a_permanent_failure_becomes_a_dead_letter_at_once"),
    ),
    Mutation(
        name="malformed-event-is-not-retried",
        promise="An event that cannot be decoded becomes a dead letter at its first delivery.",
        where="common.events.envelope:MalformedEvent",
        old="MalformedEvent(PermanentFailure)",
        new="MalformedEvent(Exception)",
        tests=tests_in(_DELIVERY, "test_a_malformed_event_becomes_a_dead_letter_at_its_first_delivery"),
    ),
    Mutation(
        name="event-id-is-the-one-in-its-subject",
        promise="An event published under the subject of another aggregate is not handled.",
        where="common.events.envelope:decode",
        old="if message.subject != subject:",
        new="if False:",
        tests=tests_in(
            _DELIVERY,
            "test_a_malformed_event_becomes_a_dead_letter_at_its_first_delivery[the subject of another aggregate]",
        ),
    ),
    Mutation(
        name="event-that-kills-its-consumer-is-given-up",
        promise="An event during whose deliveries the process died too often becomes a dead letter.",
        where="common.messaging.delivery:DeliveryProcessor._settle",
        old="if delivery > self._policy.max_unanswered:",
        new="if False:",
        tests=tests_in(_DELIVERY, "test_an_event_that_always_kills_its_process_becomes_a_dead_letter"),
        slow=True,
    ),
    Mutation(
        name="broker-does-not-give-up-first",
        promise="The broker goes on delivering an event until its consumer has dead-lettered it.",
        where="common.messaging.retry:RetryPolicy.max_deliver",
        old="self.deliveries + self.max_unanswered + 2",
        new="self.deliveries",
        tests=tests_in(_DELIVERY, "test_an_event_that_always_kills_its_process_becomes_a_dead_letter"),
        slow=True,
    ),
    Mutation(
        name="batching-delays-no-backlog",
        promise="A consumer waits to fill a batch only while it has no backlog.",
        where="common.messaging.delivery:DeliveryProcessor._wait_for_batch",
        old="and not message.metadata.num_pending",
        new="",
        tests=tests_in(_BATCHING, "test_of_a_backlog_only_the_last_delivery_waits_for_a_batch"),
        slow=True,
    ),
)
