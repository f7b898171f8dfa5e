"""Kubernetes: credentials."""

from mutations.mutation import Mutation, tests_in

_BASE = "infra/k8s/base"
_TESTS = "tests/kubernetes"
_OWN_CREDENTIALS = tests_in(
    f"{_TESTS}/test_credentials.py", "test_a_pod_is_given_its_own_credentials_and_no_others[kind]"
)

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="credentials-by-reference",
        promise="A pod gets its credentials by reference to a Secret; none is in a manifest.",
        where=f"{_BASE}/payments.yaml",
        old="valueFrom: secretKeyRef: name: stripe key: STRIPE_KEY optional: true",
        new="value: sk_test_1",
        tests=tests_in(f"{_TESTS}/test_credentials.py", "test_no_pod_is_given_a_credential_by_value[kind]"),
    ),
    Mutation(
        name="only-auth-has-the-private-key",
        promise="The private key that signs tokens reaches the auth service alone.",
        where=f"{_BASE}/tickets.yaml",
        old="- name: TOKEN_PUBLIC_KEY",
        new="""\
- name: TOKEN_PRIVATE_KEY
  valueFrom:
    secretKeyRef:
      name: token-private-key
      key: TOKEN_PRIVATE_KEY
- name: TOKEN_PUBLIC_KEY""",
        tests=tests_in(f"{_TESTS}/test_services.py", "test_only_auth_can_sign_tokens[kind]"),
    ),
    Mutation(
        name="only-payments-has-the-stripe-key",
        promise="The secret key of Stripe reaches the payments service alone.",
        where=f"{_BASE}/every-service.yaml",
        old="- name: service",
        new="""\
- name: service
  envFrom:
    - secretRef:
        name: stripe
        optional: true""",
        tests=_OWN_CREDENTIALS,
    ),
    Mutation(
        name="each-service-has-its-own-nats-user",
        promise="Each service connects to NATS as its own user, which may do what this service does.",
        where=f"{_BASE}/tickets.yaml",
        old="name: tickets-nats",
        new="name: provisioning-nats",
        tests=_OWN_CREDENTIALS,
    ),
    Mutation(
        name="mongodb-with-authentication",
        promise="A MongoDB in the cluster answers nobody without a password.",
        where=f"{_BASE}/mongodb/mongodb.yaml",
        old="- name: MONGO_INITDB_ROOT_USERNAME # a root user is what makes the image switch authentication on "
        "value: root",
        new="",
        tests=tests_in(f"{_TESTS}/test_credentials.py", "test_a_mongodb_in_the_cluster_asks_for_a_password[orders]"),
    ),
    Mutation(
        name="database-user-without-administration",
        promise="The database user of a service can read and write this service's database, and nothing else.",
        where=f"{_BASE}/mongodb-users.js",
        old='role: "readWrite", db: SERVICE',
        new='role: "root", db: "admin"',
        tests=tests_in(
            f"{_TESTS}/test_credentials.py",
            "test_a_services_database_user_may_read_and_write_its_own_database_alone[kind]",
        ),
    ),
    Mutation(
        name="secrets-are-never-overwritten",
        promise="A second deployment keeps all secrets as they are.",
        where="tools.credentials:missing_credentials",
        old="if name not in existing or name == NATS_SERVERS",
        new="",
        tests=tests_in(f"{_TESTS}/test_create_secrets.py", "test_a_second_run_creates_nothing"),
    ),
    Mutation(
        name="nats-passwords-are-never-changed",
        promise="A new service gets its NATS password without a change of the passwords of the others.",
        where="tools.credentials:_nats",
        old="for user in NATS_USERS if not known.get(_nats_variable(user))",
        new="for user in NATS_USERS",
        tests=tests_in(
            f"{_TESTS}/test_missing_credentials.py",
            "test_a_new_service_gets_credentials_and_all_others_keep_theirs[storefront]",
        ),
    ),
    Mutation(
        name="secrets-are-never-shown",
        promise="No secret is printed, or an argument of a program.",
        where="tools.create_secrets:create_secrets",
        old="""f"Secrets created: {', '.join(missing) or 'none'}.\\n\"""",
        new="""f"Secrets created: {missing or 'none'}.\\n\"""",
        tests=tests_in(f"{_TESTS}/test_create_secrets.py", "test_no_secret_is_in_an_argument_or_printed"),
    ),
    Mutation(
        name="server-and-client-have-the-same-password",
        promise="A NATS password that is lost on one side is made anew so that it fits the other side.",
        where="tools.credentials:_nats",
        old='or _password_of_client(existing.get(f"{user}-nats")) or _new_password()',
        new="or _new_password()",
        tests=tests_in(
            f"{_TESTS}/test_missing_credentials.py",
            "test_a_lost_nats_secret_is_created_with_the_passwords_of_the_others[nats-users]",
        ),
    ),
    Mutation(
        name="nothing-deployed-without-its-credentials",
        promise="Nothing is deployed while the credentials of an external database are missing.",
        where="tools.create_secrets:create_secrets",
        old="raise PlatformError(",
        new="sys.stdout.write(",
        tests=tests_in(
            f"{_TESTS}/test_commands.py",
            "test_nothing_is_deployed_while_secrets_of_external_databases_are_missing",
        ),
    ),
)
