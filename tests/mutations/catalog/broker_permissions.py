"""What each service may do at NATS."""

from mutations.mutation import Mutation, tests_in

_USERS = "infra/k8s/base/nats/users.conf"
_TESTS = "marketplace/tests/integration/test_nats_permissions.py"


def _refused(rules: str, user: str) -> tuple[str, ...]:
    return tests_in(_TESTS, f"test_every_user_has_exactly_these_permissions[{rules}-{user}]")


MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="a-service-publishes-only-its-own-events",
        promise="NATS refuses an event from a service that is not the event's publisher.",
        where=_USERS,
        old='"user.registered.*"',
        new='"user.registered.*", "order.completed.*"',
        tests=_refused("facts", "auth"),
    ),
    Mutation(
        name="only-expiration-sets-timers",
        promise="NATS accepts timers from the expiration service alone, and from nobody the event of a fired timer.",
        where=_USERS,
        old='"expiration.schedule.*"',
        new='"expiration.>"',
        tests=_refused("facts", "expiration"),
    ),
    Mutation(
        name="a-service-reads-only-its-own-inbox",
        promise="NATS delivers an answer to the service that asked, and lets no other service read it.",
        where=_USERS,
        old='"_INBOX_tickets.>"',
        new='"_INBOX_tickets.>", "_INBOX_*.>"',
        tests=_refused("listening_in", "tickets"),
    ),
    Mutation(
        name="a-service-consumes-only-with-its-queue-group",
        promise="A service receives the events of its own consumers alone, and shares them with its other instances.",
        where=_USERS,
        old='"deliver.orders-replicate-ticket orders-replicate-ticket"',
        new='"deliver.*"',
        tests=_refused("work_as_a_consumer", "orders"),
    ),
    Mutation(
        name="a-service-acknowledges-only-its-own-deliveries",
        promise="No service can acknowledge an event on behalf of another service's consumer.",
        where=_USERS,
        old='"$JS.ACK.GENERAL_EVENTS.orders-expire-order-on-expiration-completed.>"',
        new='"$JS.ACK.>"',
        tests=_refused("work_as_a_consumer", "orders"),
    ),
    Mutation(
        name="a-service-writes-only-its-own-dead-letters",
        promise="A service can dead-letter the events of its own consumers and of no other.",
        where=_USERS,
        old='"dead-letter.orders-replicate-ticket"',
        new='"dead-letter.>"',
        tests=_refused("dead_letters", "orders"),
    ),
    Mutation(
        name="no-service-creates-consumers",
        promise="No service can create a consumer, through which the broker would deliver any event to any subject.",
        where=_USERS,
        old='"$JS.API.CONSUMER.INFO.GENERAL_EVENTS.orders-expire-order-on-expiration-completed" # its newest',
        new='"$JS.API.CONSUMER.*.GENERAL_EVENTS.>"\n# its newest',
        tests=_refused("consumers_administration", "orders"),
    ),
    Mutation(
        name="nobody-deletes-streams",
        promise="No user of NATS can delete or purge a stream, not even the one that provisions them.",
        where=_USERS,
        old='"$JS.API.STREAM.UPDATE.DOMAIN_EVENTS"',
        new='"$JS.API.STREAM.*.DOMAIN_EVENTS"',
        tests=_refused("streams_administration", "provisioning"),
    ),
    Mutation(
        name="an-operator-cannot-change-a-services-consumer",
        promise="An operator reads streams by consumers of their own, and can not replace or delete a service's.",
        where=_USERS,
        old='"$JS.API.CONSUMER.CREATE.DOMAIN_EVENTS.orders-replicate-ticket"',
        new="",
        tests=_refused("consumers_administration", "operator"),
    ),
    Mutation(
        name="a-service-answers-an-operator-once",
        promise="A service may answer an operator's request once, and cannot publish to the operator afterwards.",
        where=_USERS,
        old='"_INBOX_tickets.>" ] } allow_responses: {max: 1,',
        new='"_INBOX_tickets.>" ] }\nallow_responses: {max: -1,',
        tests=tests_in(_TESTS, "test_a_service_may_answer_an_operator_who_asks_and_only_once"),
    ),
    Mutation(
        name="time-to-answer-an-operator",
        promise="A service may answer an operator for longer than the operator waits.",
        where=_USERS,
        old='"_INBOX_tickets.>" ] } allow_responses: {max: 1, expires: "1m"}',
        new='"_INBOX_tickets.>" ] }\nallow_responses: {max: 1, expires: "5s"}',
        tests=tests_in(
            "tests/kubernetes/test_timeouts.py",
            "test_timeouts_fit_each_other[replay-shorter-than-permission-to-answer]",
        ),
    ),
    Mutation(
        name="nobody-without-a-password",
        promise="NATS refuses a client that has no user name and password.",
        where="infra/k8s/base/nats/nats.conf",
        old="include users.conf",
        new="include users.conf\nno_auth_user: operator",
        tests=tests_in(_TESTS, "test_a_client_without_valid_credentials_is_refused[-]"),
    ),
    Mutation(
        name="no-server-without-its-passwords",
        promise="A NATS server to which a user's password was not given does not start.",
        where=_USERS,
        old="password: $NATS_PASSWORD_ORDERS",
        new="password: orders",
        tests=tests_in(_TESTS, "test_a_server_without_its_passwords_does_not_start"),
    ),
    Mutation(
        name="no-server-joins-without-the-password",
        promise="A NATS server joins the cluster only with the password of the servers.",
        where="infra/k8s/overlays/production/cluster.conf",
        old="authorization { user: route password: $NATS_PASSWORD_ROUTE }",
        new="",
        tests=tests_in(
            "marketplace/tests/integration/test_nats_routes.py",
            "test_a_server_that_does_not_know_the_password_cannot_join[without-credentials]",
            "test_a_server_that_does_not_know_the_password_cannot_join[wrong-password]",
        ),
    ),
    Mutation(
        name="no-server-address-without-a-password",
        promise="A NATS server tells its clients no addresses of other servers, for which they would have no password.",
        where="infra/k8s/overlays/production/cluster.conf",
        old="no_advertise: true",
        new="no_advertise: false",
        tests=tests_in(
            "marketplace/tests/integration/test_nats_addresses.py",
            "test_a_nats_server_sends_its_clients_no_addresses_of_other_servers",
        ),
    ),
    Mutation(
        name="permissions-follow-the-code",
        promise="The permissions that the cluster mounts are those that the events and consumers in the code need.",
        where="marketplace.nats_users:_service",
        old='"its dead letters": [dead_letter_subject(each.name) for each in consumers],',
        new='"its dead letters": ["dead-letter.>"] if consumers else [],',
        tests=tests_in(
            "marketplace/tests/unit/test_generated.py",
            "test_generated_files_are_up_to_date[infra/k8s/base/nats/users.conf]",
        ),
    ),
)
