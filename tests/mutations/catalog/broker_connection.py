"""The connection to NATS."""

from mutations.mutation import Mutation, tests_in

_BROKER = "common/tests/integration/messaging/test_broker.py"
_CLIENT = "common/tests/integration/messaging/test_nats_client.py"
_NATS_URL = "common/tests/unit/messaging/test_nats_url.py"
_POLLING = "common/tests/integration/messaging/test_outbox_polling.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="reconnecting-is-reported",
        promise="The relay gets to know that the connection to the broker is back.",
        where="common.messaging.broker:Broker._on_reconnected",
        old="self._reconnected.set()",
        new="",
        tests=tests_in(_POLLING, "test_the_first_poll_after_a_reconnect_publishes_young_events_too[motor]"),
        slow=True,
    ),
    Mutation(
        name="a-lost-connection-ends-requests",
        promise="A request fails as soon as the connection is lost, so the service can repeat it after the reconnect.",
        where="common.messaging.broker:Broker._on_disconnected",
        old="self._client.end_requests()",
        new="pass",
        tests=tests_in(_BROKER, "test_a_request_fails_as_soon_as_the_connection_is_lost[publish]"),
    ),
    Mutation(
        name="a-cancelled-request-ends-its-task",
        promise="A task that is cancelled at the moment at which NATS answers it ends (Python 3.11).",
        where="common.messaging.nats_client:NatsClient.request",
        old="task.cancelling() > cancelled_before",
        new="False",
        tests=tests_in(_CLIENT, "test_a_request_that_is_cancelled_when_it_is_answered_ends[an answer]"),
    ),
    Mutation(
        name="late-answers-to-pings-are-ignored",
        promise="A client that gets a late answer to a ping still reads from its connection.",
        where="common.messaging.nats_client:NatsClient._process_pong",
        old="suppress(asyncio.InvalidStateError)",
        new="suppress()",
        tests=tests_in(_CLIENT, "test_a_late_answer_to_a_ping_does_not_end_the_connection"),
        slow=True,
    ),
    Mutation(
        name="reconnecting-never-ends",
        promise="A service reconnects to NATS however long NATS was away.",
        where="common.messaging.broker:Broker.connect",
        old="max_reconnect_attempts=-1,",
        new="",
        tests=tests_in(_BROKER, "test_the_client_reconnects_however_long_the_server_was_down"),
    ),
    Mutation(
        name="silent-brokers-are-noticed",
        promise="A service notices within 20 s that NATS is silent.",
        where="common.messaging.broker:Broker.connect",
        old="ping_interval=self._ping_interval_seconds,",
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
        tests=tests_in(_BROKER, "test_connecting_without_nats_is_logged_within_5_seconds_and_succeeds_later"),
        slow=True,
    ),
    Mutation(
        name="all-nats-servers-are-tried",
        promise="A client uses each of the servers in NATS_URL, so it needs only one that runs.",
        where="common.messaging.broker:Broker.connect",
        old="self._url.servers,\n",
        new="self._url.servers[:1],\n",
        tests=tests_in(_BROKER, "test_a_client_with_several_addresses_finds_the_server_that_runs"),
    ),
    Mutation(
        name="nats-passwords-are-decoded",
        promise="A percent-encoded password in NATS_URL is decoded.",
        where="common.messaging.nats_url:_decoded",
        old="unquote(text)",
        new="text",
        tests=tests_in(_BROKER, "test_a_client_with_several_addresses_finds_the_server_that_runs"),
    ),
    Mutation(
        name="nats-urls-are-parsed-strictly",
        promise="A password with a special character is refused, and no part of it becomes the host.",
        where="common.messaging.nats_url:_is_valid",
        old='and address.netloc.count("@") <= 1',
        new="",
        tests=tests_in(_NATS_URL, "test_a_list_with_an_invalid_address_is_refused_without_showing_it"),
    ),
)
