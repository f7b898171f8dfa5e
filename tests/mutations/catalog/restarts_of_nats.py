"""A NATS server that stores nothing is restarted when that helps, and finds its streams again."""

from mutations.mutation import Mutation, tests_in

_UNIT = "marketplace/tests/unit"
_INTEGRATION = "marketplace/tests/integration"
_NATS = "infra/k8s/base/nats"
_FULL_DISK = "test_nats_stores_again_within_15_s_after_its_disk_was_full"


def _probe(*names: str) -> tuple[str, ...]:
    return tests_in(f"{_INTEGRATION}/test_nats_probes.py", *names)


MUTATIONS: tuple[Mutation, ...] = (
    # With `make run`.
    Mutation(
        name="a-server-with-a-fault-is-restarted",
        promise="A process that runs but works again only after a restart is restarted.",
        where="marketplace.supervisor:Supervisor._stop_it_when_a_restart_helps",
        old="return await self.server.stop(_FAULT_GRACE)",
        new="return None",
        tests=tests_in(f"{_UNIT}/test_supervisor.py", "test_a_server_with_a_fault_is_restarted_only_when_that_helps"),
        slow=True,
    ),
    Mutation(
        name="no-restart-that-does-not-help",
        promise="NATS is not restarted while its disk is full.",
        where="devkit.servers.nats_server:NatsServer.fault",
        old="if self.has_room():",
        new="if self.is_running:",
        tests=tests_in(f"{_INTEGRATION}/test_store_of_nats.py", _FULL_DISK),
        slow=True,
    ),
    Mutation(
        name="a-failed-write-of-nats-is-noticed",
        promise="NATS, which never stores again by itself after its disk was full, is restarted when it has room.",
        where="devkit.servers.nats_server:NatsServer._health_error",
        old="{monitor_port}/healthz",
        new="{monitor_port}/healthz?js-enabled-only=true",
        tests=tests_in(f"{_INTEGRATION}/test_store_of_nats.py", _FULL_DISK),
        slow=True,
    ),
    Mutation(
        name="only-a-failed-write-restarts-nats",
        promise="NATS is not restarted because it cannot recover one of its streams.",
        where="devkit.servers.nats_server:NatsServer.fault",
        old="_WRITE_ERROR not in (error := await self._health_error(self.monitor_port))",
        new="not (error := await self._health_error(self.monitor_port))",
        tests=_probe("test_a_damaged_stream_does_not_restart_nats"),
    ),
    Mutation(
        name="streams-after-each-start-of-nats",
        promise="After each start of NATS, its streams and consumers exist, even if its folder was deleted.",
        where="marketplace.supervisor:Supervisor._until_it_ends",
        old="[] if after_start_is_done else [self._do_after_start()]",
        new="[]",
        tests=tests_in(
            f"{_INTEGRATION}/test_store_of_nats.py",
            "test_the_streams_and_consumers_are_there_again_after_the_folder_of_nats_was_deleted",
        ),
        slow=True,
    ),
    Mutation(
        name="streams-that-could-not-be-created-are-tried-again",
        promise="If the streams cannot be created after a start of NATS, the platform tries again.",
        where="marketplace.supervisor:Supervisor._do_after_start",
        old='self._report(f"{failure} Trying again in {pause:g} s.")',
        new='return self._report(f"{failure} Trying again in {pause:g} s.")',
        tests=tests_in(f"{_UNIT}/test_supervisor.py", "test_each_start_is_followed_by_what_the_server_needs"),
        slow=True,
    ),
    Mutation(
        name="time-to-recover-a-large-store",
        promise="NATS is not killed while it reads a large store at its start.",
        where="devkit.servers.nats_server:NatsServer",
        old="start_seconds = 300.0",
        new="start_seconds = 30.0",
        tests=tests_in(
            f"{_INTEGRATION}/test_nats_probes.py",
            "test_make_run_gives_a_large_store_as_much_time_to_start_as_kubernetes[NatsServer]",
        ),
    ),
    # On Kubernetes.
    Mutation(
        name="no-restart-for-an-unhealthy-stream",
        promise="A NATS server is not restarted because a stream is damaged, or because the other servers are away.",
        where=f"{_NATS}/is-alive.sh",
        old='*"write error"* |',
        new='*" 503 "* |',
        tests=_probe(
            "test_a_damaged_stream_does_not_restart_nats",
            "test_a_server_of_three_is_not_restarted_because_the_others_are_away",
        ),
        slow=True,
    ),
    Mutation(
        name="nats-is-restarted-after-a-full-disk",
        promise="A NATS server whose disk was full is restarted, because it never stores again by itself.",
        where=f"{_NATS}/is-alive.sh",
        old='*"write error"* |',
        new="",
        tests=_probe("test_nats_whose_disk_was_full_is_restarted_as_soon_as_it_has_room"),
    ),
    Mutation(
        name="nats-without-jetstream-is-restarted",
        promise="A NATS server of several is restarted if it has disabled JetStream because its disk was full.",
        where=f"{_NATS}/is-alive.sh",
        old='| *"JetStream not enabled"*)',
        new=")",
        tests=_probe("test_a_server_of_three_that_has_disabled_jetstream_is_restarted"),
    ),
    Mutation(
        name="no-restart-of-nats-on-a-full-disk",
        promise="A NATS server is not restarted while its disk is full, which would not help and could do damage.",
        where=f"{_NATS}/is-alive.sh",
        old="status=0;",
        new="status=1;",
        tests=_probe("test_nats_whose_disk_was_full_is_restarted_as_soon_as_it_has_room"),
    ),
    Mutation(
        name="no-restart-of-a-slow-nats",
        promise="A NATS server on a busy node has more than a minute to answer before it is restarted.",
        where=f"{_NATS}/nats.yaml",
        old="timeoutSeconds: 30",
        new="timeoutSeconds: 5",
        tests=_probe("test_nats_has_a_minute_to_answer_and_is_restarted_within_15_s"),
    ),
    Mutation(
        name="traffic-despite-an-unhealthy-stream",
        promise="A NATS server with a damaged stream, or one that is catching up, still serves its other streams.",
        where=f"{_NATS}/nats.yaml",
        old="path: /healthz?js-server-only=true",
        new="path: /healthz",
        tests=_probe("test_a_damaged_stream_does_not_stop_the_traffic_of_nats"),
    ),
)
