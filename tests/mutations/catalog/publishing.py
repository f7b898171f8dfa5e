"""Every change is published, once."""

from mutations.mutation import Mutation, tests_in

_POLLING = "common/tests/integration/messaging/test_outbox_polling.py"
_PUBLISHER = "common/tests/integration/messaging/test_publisher.py"
_RELAY = "common/tests/integration/messaging/test_outbox_relay.py"
_CLEARING = "common/tests/integration/messaging/test_outbox_clearing.py"
_STREAMS = "common/tests/integration/messaging/test_streams.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="relay-clears-after-the-acknowledgement",
        promise="The relay removes an event from its outbox only after the stream has acknowledged it.",
        where="common.messaging.outbox_relay:OutboxRelay._publish_one",
        old="if is_published:",
        new="if True:",
        tests=tests_in(_RELAY, "test_an_event_stays_in_its_outbox_until_the_stream_acknowledges_it[motor]"),
    ),
    Mutation(
        name="polling-clears-after-the-acknowledgement",
        promise="Outbox polling removes an event from its outbox only after the stream has acknowledged it.",
        where="common.messaging.outbox_relay:OutboxRelay.poll",
        old="if failure is None]",
        new="]",
        tests=tests_in(
            _POLLING, "test_polling_publishes_all_events_but_those_that_the_stream_refuses[motor-MessageRefused]"
        ),
    ),
    Mutation(
        name="polling-goes-on-after-a-refusal",
        promise="Events that the stream refuses do not keep outbox polling from the other events.",
        where="common.messaging.outbox_relay:OutboxRelay.poll",
        old="any(isinstance(failure, DependencyUnavailable) for failure in failures)",
        new="any(failures)",
        tests=tests_in(
            _POLLING, "test_polling_publishes_all_events_but_those_that_the_stream_refuses[motor-MessageRefused]"
        ),
    ),
    Mutation(
        name="polling-leaves-the-queue-alone",
        promise="Outbox polling does not publish what the queue is about to publish.",
        where="common.messaging.outbox_relay:OutboxRelay.poll",
        old="if entry[2].id not in self._queued",
        new="",
        tests=tests_in(_POLLING, "test_polling_leaves_the_events_in_the_queue_to_the_queue[motor]"),
    ),
    Mutation(
        name="polling-finds-what-the-queue-gave-up",
        promise="Outbox polling publishes what could not be published from the queue.",
        where="common.messaging.outbox_relay:OutboxRelay._forget",
        old="self._queued.discard(entry[2].id)",
        new="",
        tests=tests_in(_POLLING, "test_polling_publishes_what_the_queue_could_not_publish[motor]"),
    ),
    Mutation(
        name="publishing-awaits-the-acknowledgement",
        promise="An event counts as published only once a stream has acknowledged it.",
        where="common.messaging.publisher:Publisher.publish_raw",
        old="await self._broker.jetstream.publish(subject, data, timeout=_ACK_SECONDS, headers=dict(headers))",
        new="await self._broker.client.publish(subject, data, headers=dict(headers))",
        tests=tests_in(_PUBLISHER, "test_an_event_that_no_stream_stores_is_not_published"),
    ),
    Mutation(
        name="acknowledgement-timeout",
        promise="Publishing fails after 2 s without an acknowledgement.",
        where="common.messaging.publisher:Publisher.publish_raw",
        old="timeout=_ACK_SECONDS,",
        new="",
        tests=tests_in(_PUBLISHER, "test_publishing_to_a_silent_broker_fails_within_3_seconds"),
    ),
    Mutation(
        name="events-carry-their-id",
        promise="An event that is published twice is stored once, because it carries its id.",
        where="common.events.envelope:StagedEvent.stage",
        old="MESSAGE_ID: event.event_id,",
        new="",
        tests=tests_in(_STREAMS, "test_an_event_that_is_published_twice_is_stored_once"),
    ),
    Mutation(
        name="event-ids-are-derived",
        promise="One fact has one event id, however often it is staged.",
        where="common.domain.event:Message.event_id",
        old='return f"{self.aggregate}-{self.id}-{self.version}"',
        new='import uuid; return f"{self.aggregate}-{uuid.uuid4()}"',
        tests=tests_in(_STREAMS, "test_an_event_that_is_published_twice_is_stored_once"),
    ),
    Mutation(
        name="duplicates-are-recognised-for-ten-minutes",
        promise="A stream recognises an event that is published again within ten minutes.",
        where="common.messaging.streams:Stream.config",
        old="duplicate_window=DUPLICATE_WINDOW_SECONDS,",
        new="",
        tests=tests_in(_STREAMS, "test_a_stream_recognises_a_duplicate_for_ten_minutes[DOMAIN_EVENTS]"),
    ),
    Mutation(
        name="one-defective-event-blocks-no-other",
        promise="An event that cannot be published, for whatever reason, does not end the relay.",
        where="common.messaging.outbox_relay:OutboxRelay._publish",
        old="except Exception as error:",
        new="except DependencyUnavailable as error:",
        tests=tests_in(_RELAY, "test_an_event_that_cannot_be_published_does_not_block_the_others[motor]"),
    ),
    Mutation(
        name="failures-leave-the-relay-its-capacity",
        promise="However many events could not be published, the relay goes on with the next.",
        where="common.messaging.outbox_relay:OutboxRelay._publish_one",
        old="""
            room.release()
            self.health
        """,
        new="""
            room.release() if is_published else None
            self.health
        """,
        tests=tests_in(_RELAY, "test_the_relay_publishes_again_after_a_long_outage_of_the_broker[motor]"),
        slow=True,
    ),
    Mutation(
        name="bounded-publishing",
        promise="The relay publishes a bounded number of events at once.",
        where="common.messaging.outbox_relay:OutboxRelay.publish_forever",
        old="await room.acquire()",
        new="",
        tests=tests_in(_RELAY, "test_the_relay_publishes_a_bounded_number_of_events_at_once[motor]"),
    ),
    Mutation(
        name="a-full-relay-fails-no-change",
        promise="A change succeeds although the relay has no room for its event in memory.",
        where="common.messaging.outbox_relay:OutboxRelay.enqueue",
        old="with suppress(asyncio.QueueFull):",
        new="if True:",
        tests=tests_in(_RELAY, "test_a_change_succeeds_although_the_queue_of_the_relay_is_full[motor]"),
    ),
    Mutation(
        name="clearing-survives-an-outage",
        promise="The relay clears outboxes again after an outage of the database.",
        where="common.messaging.outbox_relay:OutboxRelay._clear",
        old="except PyMongoError as error:",
        new="except ZeroDivisionError as error:",
        tests=tests_in(_CLEARING, "test_the_relay_clears_outboxes_again_after_an_outage_of_mongodb[motor]"),
        slow=True,
    ),
    Mutation(
        name="clearing-survives-a-defect",
        promise="After a defect in the clearing, outbox polling finds the events that are still in their outboxes.",
        where="common.messaging.outbox_relay:OutboxRelay.clear_forever",
        old="finally:",
        new="except PyMongoError:",
        tests=tests_in(_CLEARING, "test_outbox_polling_clears_an_outbox_after_a_defect_in_the_clearing[motor]"),
        slow=True,
    ),
    Mutation(
        name="services-poll-their-outboxes",
        promise="A service publishes what a process before it has left in an outbox.",
        where="common.runtime.service_runtime:ServiceRuntime.__init__",
        old="self.relay.publish_forever, self.relay.clear_forever, self.relay.poll_forever",
        new="self.relay.publish_forever, self.relay.clear_forever",
        tests=tests_in(_RELAY, "test_a_service_publishes_the_events_of_an_earlier_process[motor]"),
        slow=True,
    ),
    Mutation(
        name="services-clear-their-outboxes",
        promise="A service removes from its outboxes what it has published.",
        where="common.runtime.service_runtime:ServiceRuntime.__init__",
        old="self.relay.publish_forever, self.relay.clear_forever, self.relay.poll_forever",
        new="self.relay.publish_forever, self.relay.poll_forever",
        tests=tests_in(_RELAY, "test_a_service_publishes_each_change_at_once_and_clears_its_outbox[motor]"),
        slow=True,
    ),
    Mutation(
        name="every-aggregate-is-polled",
        promise="Outbox polling looks at the aggregates of every repository.",
        where="common.storage.repository:AggregateRepository.__init__",
        old="relay.add_collection(collection)",
        new="",
        tests=tests_in(
            _RELAY,
            "test_a_crash_before_the_clearing_neither_loses_nor_doubles_an_event[motor-before publishing]",
        ),
    ),
    Mutation(
        name="poll-when-the-broker-is-back",
        promise="When the broker is back, outbox polling publishes at once what was staged meanwhile.",
        where="common.messaging.outbox_relay:OutboxRelay.poll_forever",
        old="await self._publisher.reconnected_within(",
        new="await asyncio.sleep(60, result=",
        tests=tests_in(_POLLING, "test_the_first_poll_after_a_reconnect_publishes_young_events_too[motor]"),
        slow=True,
    ),
    Mutation(
        name="polling-survives-an-outage",
        promise="Outbox polling goes on after an outage of the database.",
        where="common.messaging.outbox_relay:OutboxRelay.poll_forever",
        old="except (PyMongoError, DependencyUnavailable) as error:",
        new="except DependencyUnavailable as error:",
        tests=tests_in(_POLLING, "test_polling_continues_after_an_outage_of_mongodb[motor]"),
        slow=True,
    ),
    Mutation(
        name="polling-pauses-after-a-failure",
        promise="Outbox polling stops while the stream is unavailable.",
        where="common.messaging.outbox_relay:OutboxRelay.poll",
        old="if unavailable or not cleared:",
        new="if not cleared:",
        tests=tests_in(_POLLING, "test_polling_stops_if_the_stream_is_unavailable[motor]"),
    ),
    Mutation(
        name="polling-in-batches",
        promise="Outbox polling reads a bounded number of documents at once.",
        where="common.messaging.outbox_relay:OutboxRelay.poll",
        old=".to_list(_IN_FLIGHT)",
        new=".to_list(None)",
        tests=tests_in(_POLLING, "test_polling_reads_an_outbox_of_many_events_in_batches[motor]"),
    ),
    Mutation(
        name="polling-reads-every-batch",
        promise="Outbox polling reads one batch after the other until nothing is left.",
        where="common.messaging.outbox_relay:OutboxRelay.poll",
        old="count += len(published)",
        new="count += len(published); break",
        tests=tests_in(_POLLING, "test_polling_reads_an_outbox_of_many_events_in_batches[motor]"),
    ),
    Mutation(
        name="polling-uses-an-index",
        promise="Outbox polling reads only documents with a staged event, by a sparse index.",
        where="common.messaging.outbox_relay:OutboxRelay.create_indexes",
        old='await collection.create_index("outbox.id", sparse=True)',
        new='await collection.create_index("outbox.id")',
        tests=tests_in(_POLLING, "test_polling_reads_by_the_index_only_documents_with_events[motor]"),
    ),
)
