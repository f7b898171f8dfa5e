"""The connection to NATS."""

from mutations.mutation import Mutation, tests_in

_BROKER = "common/tests/integration/test_broker.py"
_POLLING = "common/tests/integration/test_outbox_polling.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="reconnecting-is-reported",
        promise="The relay gets to know that the connection to the broker is back.",
        where="common.messaging.broker:Broker._on_reconnected",
        old="self._reconnected.set()",
        new="",
        tests=tests_in(
            _POLLING, "test_when_the_broker_is_back_polling_publishes_even_what_was_staged_a_moment_ago[motor]"
        ),
        slow=True,
    ),
    Mutation(
        name="reconnecting-never-ends",
        promise="A service reconnects to NATS however long NATS was away.",
        where="common.messaging.broker:Broker.connect",
        old="max_reconnect_attempts=-1,",
        new="",
        tests=tests_in(_BROKER, "test_the_client_reconnects_however_long_the_server_was_gone"),
    ),
    Mutation(
        name="silent-brokers-are-noticed",
        promise="A service notices within 20 s that NATS is silent.",
        where="common.messaging.broker:Broker.connect",
        old="ping_interval=5,",
        new="",
        tests=tests_in(_BROKER, "test_a_server_that_is_silent_for_20_seconds_counts_as_lost"),
        slow=True,
    ),
    Mutation(
        name="bounded-attempts-to-connect",
        promise="An attempt to connect to NATS ends after 3 s, and the log says what the service waits for.",
        where="common.messaging.broker:Broker.connect",
        old="async with asyncio.timeout(_ATTEMPT_SECONDS):",
        new="if True:",
        tests=tests_in(_BROKER, "test_a_start_without_nats_is_logged_within_5_seconds_and_ends_when_nats_is_there"),
        slow=True,
    ),
    Mutation(
        name="a-lost-answer-holds-up-no-ping",
        promise="After a reconnect, the readiness check does not wait for an answer that was lost.",
        where="common.messaging.broker:Broker._on_reconnected",
        old="self._probe.forget()",
        new="",
        tests=tests_in(_BROKER, "test_a_ping_whose_answer_was_lost_with_its_connection_does_not_hold_up_the_next"),
        slow=True,
    ),
)
