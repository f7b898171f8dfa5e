"""The platform on one machine."""

from mutations.mutation import Mutation, tests_in

_UNIT = "marketplace/tests/unit"
_INTEGRATION = "marketplace/tests/integration"
_CONFIGURATION = "marketplace.gateway:_CONFIGURATION"
_STOP = "marketplace.platform:Platform._stop"
_ANSWERED_IN_TIME = "test_a_service_that_does_not_answer_gets_one_request_and_the_client_gets_503"


def _at_the_gateway(test: str) -> tuple[str, ...]:
    return tests_in(f"{_INTEGRATION}/test_gateway.py", test)


def _process(test: str) -> tuple[str, ...]:
    return tests_in(f"{_INTEGRATION}/test_platform_processes.py", test)


MUTATIONS: tuple[Mutation, ...] = (
    # Processes.
    Mutation(
        name="one-platform-per-folder",
        promise="Two platforms never use the same data folder at the same time.",
        where="marketplace.data_dir:DataDir.open",
        old="fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        new="pass",
        tests=tests_in(f"{_UNIT}/test_data_dir.py", "test_a_second_platform_cannot_open_the_folder_of_the_first"),
    ),
    Mutation(
        name="no-process-outlives-the-platform",
        promise="However the platform ends, all processes that it has started end with it.",
        where="devkit.servers.process:_die_with",
        old="_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)",
        new="pass",
        tests=tests_in(
            "devkit/tests/integration/test_servers.py", "test_a_child_process_ends_when_its_parent_is_killed"
        ),
        slow=True,
    ),
    Mutation(
        name="a-failed-start-leaves-nothing-running",
        promise="If one process cannot start, those that were started before it are stopped.",
        where="marketplace.platform:Platform.__aenter__",
        old="await self._stop() raise",
        new="raise",
        tests=tests_in(
            f"{_INTEGRATION}/test_platform.py",
            "test_a_service_that_dies_while_starting_is_named_and_all_processes_are_stopped",
        ),
    ),
    Mutation(
        name="the-gateway-stops-first",
        promise="When the platform stops, no new request arrives at a service that stops.",
        where=_STOP,
        old="""\
await parts.gateway.stop(_GATEWAY_GRACE)
await asyncio.gather(*(service.stop(_SERVICE_GRACE) for service in parts.services))""",
        new="""\
await asyncio.gather(*(service.stop(_SERVICE_GRACE) for service in parts.services))
await parts.gateway.stop(_GATEWAY_GRACE)""",
        tests=_process("test_the_gateway_stops_before_the_services_and_the_stores_after_them"),
    ),
    Mutation(
        name="the-stores-stop-last",
        promise="When the platform stops, MongoDB and NATS run until the services have finished their work.",
        where=_STOP,
        old="await parts.gateway.stop(_GATEWAY_GRACE)",
        new="""\
await parts.gateway.stop(_GATEWAY_GRACE)
for store in parts.stores:
    await store.stop(_NATS_GRACE)""",
        tests=_process("test_the_gateway_stops_before_the_services_and_the_stores_after_them"),
    ),
    Mutation(
        name="a-second-signal-kills",
        promise="A second Ctrl-C ends the platform at once, whatever does not want to stop.",
        where="marketplace.run:_run",
        old="platform.kill_everything()",
        new="pass",
        tests=tests_in(
            f"{_INTEGRATION}/test_command_line.py", "test_a_second_signal_kills_a_process_that_does_not_stop"
        ),
        slow=True,
    ),
    Mutation(
        name="a-killed-process-is-started-again",
        promise="A process of the platform that dies is started again.",
        where="marketplace.supervisor:Supervisor._keep_running",
        old="why = await self._failure_of_a_start()",
        new='why = ""',
        tests=tests_in(f"{_UNIT}/test_supervisor.py", "test_a_server_that_dies_is_started_again_and_one_line_says_so"),
        slow=True,
    ),
    Mutation(
        name="growing-pauses-between-restarts",
        promise="The pauses between the restarts of a process that keeps dying grow.",
        where="marketplace.supervisor:Supervisor._keep_running",
        old="pause = min(pause * 2, _LONGEST_PAUSE)",
        new="pause = min(pause, _LONGEST_PAUSE)",
        tests=tests_in(f"{_UNIT}/test_supervisor.py", "test_the_pauses_grow_while_it_keeps_dying"),
    ),
    Mutation(
        name="a-taken-port-is-named",
        promise="The platform does not start on a port of another program, and says which port that is.",
        where="marketplace.platform:Platform._start",
        old="self._refuse_taken_ports(parts.ports)",
        new="",
        tests=tests_in(f"{_INTEGRATION}/test_platform.py", "test_the_error_for_a_taken_port_says_what_to_do"),
    ),
    Mutation(
        name="services-listen-on-the-loopback-address",
        promise="The services of a platform on one machine are reachable from this machine alone.",
        where="marketplace.service_process:_known_to_the_platform",
        old='"HOST": "127.0.0.1",',
        new='"HOST": "0.0.0.0",',
        tests=_process("test_every_process_listens_on_the_loopback_address_alone"),
    ),
    Mutation(
        name="the-gateway-listens-on-the-loopback-address",
        promise="The gateway of a platform on one machine is reachable from this machine alone.",
        where=_CONFIGURATION,
        old="listen 127.0.0.1:$port;",
        new="listen $port;",
        tests=_process("test_every_process_listens_on_the_loopback_address_alone"),
    ),
    Mutation(
        name="mongodb-listens-on-the-loopback-address",
        promise="MongoDB, which asks for no password on one machine, is reachable from this machine alone.",
        where="devkit.servers.mongod:Mongod.command",
        old='"--bind_ip", "127.0.0.1",',
        new='"--bind_ip_all",',
        tests=_process("test_every_process_listens_on_the_loopback_address_alone"),
    ),
    Mutation(
        name="nats-listens-on-the-loopback-address",
        promise="NATS, which asks for no password on one machine, is reachable from this machine alone.",
        where="devkit.servers.nats_server:_CONFIGURATION",
        old='listen: "127.0.0.1:{port}"',
        new='listen: "0.0.0.0:{port}"',
        tests=_process("test_every_process_listens_on_the_loopback_address_alone"),
    ),
    Mutation(
        name="the-private-key-survives-a-restart",
        promise="A restart of the platform keeps the private key, so nobody is signed out.",
        where="marketplace.keys:load_or_create_keys",
        old="if not path.exists():",
        new="if path.name:",
        tests=tests_in(f"{_UNIT}/test_keys.py", "test_the_keys_are_made_once_and_only_the_owner_can_read_them"),
    ),
    # The gateway.
    Mutation(
        name="forwarded-headers-of-the-gateway",
        promise="The gateway replaces the address that a client claims to have by the one that it has.",
        where=_CONFIGURATION,
        old="$$remote_addr;",
        new="$$proxy_add_x_forwarded_for;",
        tests=_at_the_gateway("test_forwarded_headers_of_a_client_are_replaced"),
        slow=True,
    ),
    Mutation(
        name="forwarded-protocol-of-the-gateway",
        promise="The gateway replaces the protocol that a client claims to use by the one that it uses.",
        where=_CONFIGURATION,
        old="proxy_set_header X-Forwarded-Proto $$scheme;",
        new="",
        tests=_at_the_gateway("test_forwarded_headers_of_a_client_are_replaced"),
        slow=True,
    ),
    Mutation(
        name="the-gateway-routes-only-the-api",
        promise="Metrics and probes of the services are not reachable through the gateway.",
        where=_CONFIGURATION,
        old="location / { return 404; }",
        new="location / { proxy_pass http://auth; }",
        tests=_at_the_gateway("test_a_path_without_a_service_is_a_problem_of_the_gateway"),
    ),
    Mutation(
        name="the-page-of-the-gateway-tries-again",
        promise="While the shop is down, a person sees a page that tries again by itself.",
        where="marketplace.gateway:_refusal",
        old='refresh = "add_header Refresh 2 always; " if is_unavailable else ""',
        new='refresh = ""',
        tests=_at_the_gateway("test_a_person_sees_a_page_that_tries_again_while_a_service_is_down"),
    ),
    Mutation(
        name="the-gateway-repeats-no-post",
        promise="The gateway never sends a POST to a second instance, because the first may have done it.",
        where=_CONFIGURATION,
        old="proxy_next_upstream error;",
        new="proxy_next_upstream error non_idempotent;",
        tests=_at_the_gateway("test_a_post_that_crashes_an_instance_is_not_sent_to_another"),
    ),
    Mutation(
        name="the-gateway-repeats-nothing-after-a-timeout",
        promise="The gateway sends a request that was not answered in time to no second instance.",
        where=_CONFIGURATION,
        old="proxy_next_upstream error;",
        new="proxy_next_upstream error timeout;",
        tests=tests_in(f"{_INTEGRATION}/test_gateway_timeouts.py", _ANSWERED_IN_TIME),
        slow=True,
    ),
    Mutation(
        name="the-gateway-waits-a-bounded-time",
        promise="The gateway answers 503 if a service does not answer within seconds.",
        where=_CONFIGURATION,
        old="proxy_read_timeout 5s; # a service answers",
        new="# a service answers",
        tests=tests_in(f"{_INTEGRATION}/test_gateway_timeouts.py", _ANSWERED_IN_TIME),
        slow=True,
    ),
    Mutation(
        name="the-gateway-tries-another-instance",
        promise="If one instance of a service cannot be reached, the gateway sends the request to another.",
        where=_CONFIGURATION,
        old="proxy_next_upstream error;",
        new="proxy_next_upstream off;",
        tests=_at_the_gateway("test_requests_succeed_while_one_of_two_instances_is_down"),
    ),
    Mutation(
        name="the-gateway-bounds-bodies",
        promise="The gateway refuses a body of more than 64 KiB before a service receives it.",
        where=_CONFIGURATION,
        old="client_max_body_size 64k;",
        new="client_max_body_size 64m;",
        tests=_at_the_gateway("test_a_body_of_more_than_64_kib_is_refused_at_the_gateway"),
        slow=True,
    ),
    Mutation(
        name="the-gateway-says-when-to-retry",
        promise="The answer 503 of the gateway says when to try again.",
        where="marketplace.gateway:_refusal",
        old='"add_header Retry-After 1 always; "',
        new='""',
        tests=_at_the_gateway("test_a_service_that_is_down_is_503_with_retry_after"),
    ),
    Mutation(
        name="seed-looks-before-it-repeats",
        promise="If the command that seeds gets no answer, it looks what is on sale, and lists no ticket twice.",
        where="marketplace.seed.run:_seed",
        old='sessions[each.email].send("POST", "/api/tickets", (201,), each.body())',
        new='sessions[each.email].post("/api/tickets", 201, **each.body())',
        tests=tests_in("marketplace/tests/unit/test_seed.py", "test_a_lost_answer_lists_no_ticket_twice"),
        slow=True,
    ),
)
