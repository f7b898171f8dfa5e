"""Passwords, e-mail addresses and secrets."""

from mutations.mutation import Mutation, tests_in

_PASSWORDS = "auth/tests/unit/test_passwords.py"
_AUTH_SERVICE = "auth/tests/unit/test_auth_service.py"
_SETTINGS = "common/tests/unit/runtime/test_settings.py"
_PARTS = "marketplace/tests/unit/test_parts.py"
_LOGGING = "common/tests/unit/runtime/test_logging.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="password-hash-is-costly",
        promise="A stolen password hash is as costly to guess as OWASP asks: argon2id, 19 MiB, two passes.",
        where="auth.passwords:Passwords.__init__",
        old="time_cost=2, memory_cost=19 * 1024,",
        new="time_cost=1, memory_cost=8 * 1024,",
        tests=tests_in(_PASSWORDS, "test_a_hash_is_argon2id_with_19_mib_two_passes_and_one_thread"),
    ),
    Mutation(
        name="hashing-off-the-event-loop",
        promise="Other requests go on while a password is hashed.",
        where="auth.passwords:Passwords.hash",
        old="await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, password)",
        new="self._hasher.hash(password)",
        tests=tests_in(_PASSWORDS, "test_hashing_does_not_block_the_event_loop"),
    ),
    Mutation(
        name="hashing-memory-bounded",
        promise="At most one password per processor core is hashed at a time, so memory stays bounded.",
        where="auth.passwords:Passwords.__init__",
        old="ThreadPoolExecutor(os.cpu_count() or 1,",
        new="ThreadPoolExecutor(64,",
        tests=tests_in(_PASSWORDS, "test_no_more_hashes_run_at_once_than_there_are_processors"),
    ),
    Mutation(
        name="unknown-user-costs-a-hash",
        promise="Signing in as an unknown user takes as long as with a wrong password, so it tells no addresses.",
        where="auth.passwords:Passwords.verify",
        old="known = password_hash is not None",
        new="""
            known = password_hash is not None
            if not known:
                return False
        """,
        tests=tests_in(_PASSWORDS, "test_an_unknown_user_takes_as_much_processor_time_as_a_wrong_password"),
    ),
    Mutation(
        name="unknown-user-password-verified",
        promise="The password is verified for an unknown user as well, so the time of an answer tells no addresses.",
        where="auth.service:AuthService.sign_in",
        old="user = await self._users.find_by_email(email)",
        new="""
            user = await self._users.find_by_email(email)
            if user is None:
                raise WrongCredentials("The e-mail address or the password is wrong.")
        """,
        tests=tests_in(_AUTH_SERVICE, "test_a_password_is_verified_even_for_an_unknown_address"),
    ),
    Mutation(
        name="wrong-password-refused",
        promise="Nobody is signed in with a wrong password.",
        where="auth.service:AuthService.sign_in",
        old="if not await self._passwords.verify(password, user.password_hash if user else None) or user is None:",
        new="""
            await self._passwords.verify(password, user.password_hash if user else None)
            if user is None:
        """,
        tests=tests_in(_AUTH_SERVICE, "test_a_wrong_password_and_an_unknown_address_are_the_same_error"),
    ),
    Mutation(
        name="email-unique",
        promise="Of people who sign up with one e-mail address at the same moment, one becomes a user.",
        where="auth.repository:UserRepository.create_indexes",
        old='"email", unique=True',
        new='"email"',
        tests=tests_in(
            "auth/tests/integration/test_user_repository.py",
            "test_of_users_with_one_address_added_concurrently_one_is_stored",
        ),
    ),
    Mutation(
        name="email-unique-in-any-case",
        promise="E-mail addresses that differ only in upper and lower case belong to one user.",
        where="auth.user:User.register",
        old="email=email.lower(),",
        new="email=email,",
        tests=tests_in("auth/tests/unit/test_user.py", "test_a_user_has_a_new_id_and_an_address_in_lower_case"),
    ),
    Mutation(
        name="sign-in-in-any-case",
        promise="A user signs in with the e-mail address in upper or lower case.",
        where="auth.repository:UserRepository.find_by_email",
        old="email.lower()",
        new="email",
        tests=tests_in(_AUTH_SERVICE, "test_a_user_can_sign_in_with_the_address_in_any_case"),
    ),
    Mutation(
        name="password-hash-not-published",
        promise="The event of a new user contains the e-mail address and nothing of the password.",
        where="common.events.users:UserRegistered",
        old="email: str = Field(",
        new="""
            password_hash: str = ""
            email: str = Field(
        """,
        tests=tests_in(
            "auth/tests/unit/test_user.py",
            "test_the_event_of_a_registration_has_the_address_and_not_the_password",
        ),
    ),
    Mutation(
        name="private-key-matches-public-key",
        promise="Auth does not start with a private key whose tokens the other services would refuse.",
        where="auth.settings:_check_private_key",
        old='if "token_public_key" in info.data and public_key != parse_public_key(info.data["token_public_key"]):',
        new="if False:",
        tests=tests_in(_SETTINGS, "test_an_invalid_variable_ends_the_start_with_a_line_that_names_it[auth]"),
    ),
    Mutation(
        name="bad-address-not-shown-by-a-service",
        promise="A service that refuses MONGO_URL does not print the password in it.",
        where="common.runtime.settings:_parse_mongo_url",
        old="with suppress(PyMongoError, ValueError, OSError):",
        new="""
            try:
                url.startswith("mongodb+srv://") or parse_uri(url)
            except PyMongoError as error:
                raise ValueError(str(error)) from None
            with suppress(PyMongoError, ValueError, OSError):
        """,
        tests=tests_in(_SETTINGS, "test_an_invalid_variable_ends_the_start_with_a_line_that_names_it[expiration]"),
    ),
    Mutation(
        name="bad-address-not-shown-by-the-platform",
        promise="The platform that refuses MONGO_URL or NATS_URL does not print the password in it.",
        where="marketplace.settings:PlatformSettings._refusal",
        old="""shown = "its value" if name in _MAY_HOLD_SECRETS else f"'{value}'\"""",
        new="""shown = f"'{value}'\"""",
        tests=tests_in(
            "marketplace/tests/unit/test_settings.py",
            "test_an_address_that_is_refused_is_not_repeated_with_its_password",
        ),
    ),
    Mutation(
        name="tracebacks-show-no-variables",
        promise="A traceback in a log for people does not show variables, such as passwords and tokens.",
        where="common.runtime.logging:configure_logging",
        old=", exception_formatter=structlog.dev.plain_traceback",
        new="",
        tests=tests_in(
            _LOGGING,
            "test_a_failure_has_a_traceback_without_local_variables[text]",
        ),
    ),
    Mutation(
        name="libraries-do-not-log-documents",
        promise="The log of a library's every step, which contains documents, stays off even at log level debug.",
        where="common.runtime.logging:configure_logging",
        old="logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))",
        new="logging.getLogger(chatty).setLevel(root.level)",
        tests=tests_in(_LOGGING, "test_libraries_do_not_log_every_step_even_at_debug[stripe]"),
    ),
    Mutation(
        name="nats-password-not-logged",
        promise="A service that waits for NATS logs the addresses of the servers without the passwords.",
        where="common.messaging.nats_url:parse_nats_url",
        old="each.netloc.rpartition('@')[2]",
        new="each.netloc",
        tests=tests_in(
            "common/tests/unit/messaging/test_broker.py", "test_waiting_for_nats_is_logged_without_the_password"
        ),
    ),
    Mutation(
        name="service-given-its-own-settings-only",
        promise="A service is given the variables of its own settings: no other service's key is among them.",
        where="marketplace.service_process:variables_for",
        old="if name in own and value",
        new="if value",
        tests=tests_in(_PARTS, "test_a_service_does_not_get_the_secrets_of_another"),
    ),
    Mutation(
        name="secrets-not-inherited",
        promise="A service does not inherit another service's secret from the environment of the platform.",
        where="marketplace.service_process:variables_for",
        old="if name in inherited or name not in of_any_service",
        new="",
        tests=tests_in(_PARTS, "test_a_service_does_not_get_the_secrets_of_another"),
    ),
    Mutation(
        name="private-key-readable-by-owner-only",
        promise="The file with the key that signs tokens can be read by its owner alone.",
        where="marketplace.keys:_write_secret",
        old="0o600",
        new="0o644",
        tests=tests_in(
            "marketplace/tests/unit/test_keys.py", "test_the_keys_are_made_once_and_only_the_owner_can_read_them"
        ),
    ),
)
