"""A database that was restored from an older backup is noticed before its service works with it."""

from mutations.mutation import Mutation, tests_in

_IDS = "common/tests/integration/messaging/test_event_ids.py"
_NEWEST = "common.messaging.newest_events"
_NEWEST_TESTS = "common/tests/integration/messaging/test_newest_events.py"
_OLDER = "tests/integration/test_older_databases.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="older-database-keeps-the-service-from-its-start",
        promise="A service does not start to work while its database is older than the events that it has published.",
        where="common.runtime.service_runtime:ServiceRuntime._run",
        old="await self._until_restored()",
        new="",
        tests=tests_in(_OLDER, "test_a_service_waits_while_its_database_lacks_an_event[motor-order.created]"),
    ),
    Mutation(
        name="older-document-is-noticed",
        promise="A document that is older than its newest event counts as missing at the start of its service.",
        where="common.runtime.restore_check:contains",
        old='"version": {"$gte": event.version}',
        new="",
        tests=tests_in(_OLDER, "test_a_service_waits_while_a_document_is_older_than_its_event[motor-order.cancelled]"),
    ),
    Mutation(
        name="foreign-message-hides-no-event",
        promise="A message that its service has not published hides no older event of the service.",
        where=f"{_NEWEST}:_newest_event_before",
        old="end, positions = begin, 2 * positions",
        new="break",
        tests=tests_in(_NEWEST_TESTS, "test_the_newest_event_is_found_before_messages_that_are_no_events[100]"),
    ),
    Mutation(
        name="newest-of-older-events-counts",
        promise="Before such messages, the newest event of a type counts, not the first one that is found.",
        where=f"{_NEWEST}:_newest_event_before",
        old="or found",
        new="if not found else found",
        tests=tests_in(_NEWEST_TESTS, "test_the_newest_event_is_found_before_messages_that_are_no_events[1]"),
    ),
    Mutation(
        name="version-in-an-event-id-is-bounded",
        promise="A number in an id that MongoDB cannot compare does not keep a service from its start.",
        where=f"{_NEWEST}:_VERSION",
        old="{1,18}",
        new="+",
        tests=tests_in(
            _NEWEST_TESTS, "test_a_message_without_an_id_of_an_event_is_left_out['ticket-1-9999999999999999999']"
        ),
    ),
    Mutation(
        name="operator-can-accept-a-loss",
        promise="A service starts without the events that an operator has accepted as lost.",
        where="common.runtime.restore_check:RestoreCheck.find_problem",
        old="event.event_id not in accepted and",
        new="",
        tests=tests_in(
            _OLDER, "test_a_service_starts_without_the_events_that_an_operator_has_accepted[motor-user.registered]"
        ),
    ),
    Mutation(
        name="waiting-service-refuses-changes",
        promise="A service whose database is older than its events answers changes with 503, and says why.",
        where="common.runtime.service_runtime:ServiceRuntime.check_can_publish",
        old="if self._restore_problem or",
        new="if",
        tests=tests_in(_OLDER, "test_a_service_waits_while_its_database_lacks_an_event[motor-ticket.created]"),
    ),
    Mutation(
        name="duplicate-is-compared",
        promise="An event that the stream takes for a duplicate is compared with the event that the stream has.",
        where="common.messaging.publisher:Publisher.publish",
        old="if answer.duplicate:",
        new="if False:",
        tests=tests_in(_IDS, "test_another_event_with_the_same_id_is_refused"),
    ),
    Mutation(
        name="event-of-another-kind-is-no-duplicate",
        promise="An event is not taken for published because an event of another kind has its id.",
        where="common.messaging.publisher:Publisher._is_stored",
        old="found.subject == staged.subject and ",
        new="",
        tests=tests_in(_IDS, "test_another_kind_of_event_with_the_same_id_and_content_is_refused"),
    ),
    Mutation(
        name="event-of-a-crash-may-be-published-again",
        promise="An event that is in the stream can be published again, although its aggregate has a newer event.",
        where="common.messaging.publisher:Publisher._is_stored",
        old="if stream is DOMAIN_EVENTS:",
        new="if False:",
        tests=tests_in(_IDS, "test_the_same_event_may_be_published_again"),
    ),
    Mutation(
        name="event-with-a-taken-id-is-not-tried-again",
        promise="An event with a taken id is not published when the stream has forgotten the id.",
        where="common.messaging.outbox_relay:OutboxRelay._publish",
        old="if taken_by is None:",
        new="if True:",
        tests=tests_in(_IDS, "test_an_event_with_a_taken_id_stays_in_its_outbox_until_it_is_removed[motor]"),
    ),
    Mutation(
        name="taken-id-refuses-changes",
        promise="A service with an event that has a taken id refuses changes.",
        where="common.runtime.service_runtime:ServiceRuntime.check_can_publish",
        old="or self.relay.health.taken",
        new="",
        tests=tests_in(_OLDER, "test_a_service_refuses_changes_while_another_event_has_the_id_of_its_event[motor]"),
    ),
    Mutation(
        name="wrong-alarm-about-a-taken-id-ends",
        promise="If the stream shows an event late, the relay notices that the id of the event is not taken.",
        where="common.messaging.publishing_health:PublishingHealth.note",
        old="self.taken.pop(event.id, None)",
        new="",
        tests=tests_in(_IDS, "test_a_wrong_alarm_ends_when_the_stream_shows_the_event[motor]"),
    ),
)
