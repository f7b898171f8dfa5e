"""What is acknowledged is on the disk."""

from mutations.mutation import Mutation, tests_in

_WRITE_CONCERN = tests_in(
    "common/tests/integration/storage/test_mongo_write_concern.py",
    "test_every_write_waits_for_a_majority_and_for_the_journal[motor]",
)
_TIMEOUTS = "common/tests/integration/storage/test_mongo_timeouts.py"
_STREAMS = "common/tests/integration/messaging/test_streams.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="write-majority",
        promise="MongoDB acknowledges a write only after a majority of the replica set has it.",
        where="common.storage.mongo:Mongo.__init__",
        old='"w": "majority",',
        new='"w": 1,',
        tests=_WRITE_CONCERN,
    ),
    Mutation(
        name="write-journal",
        promise="MongoDB acknowledges a write only after it is in the journal on the disk.",
        where="common.storage.mongo:Mongo.__init__",
        old='"journal": True,',
        new="",
        tests=_WRITE_CONCERN,
    ),
    Mutation(
        name="read-majority",
        promise="A read sees only writes that a majority of the replica set has.",
        where="common.storage.mongo:Mongo.__init__",
        old='"readConcernLevel": "majority",',
        new="",
        tests=_WRITE_CONCERN,
    ),
    Mutation(
        name="retried-writes",
        promise="The driver repeats a write that was lost because the primary failed, and MongoDB executes it once.",
        where="common.storage.mongo:Mongo.__init__",
        old='"retryWrites": True,',
        new='"retryWrites": False,',
        tests=tests_in(
            "common/tests/integration/storage/test_mongo_replica_set.py",
            "test_a_write_that_a_failing_primary_did_not_execute_is_repeated",
        ),
    ),
    Mutation(
        name="uncancelled-operations",
        promise="An operation of PyMongo's client runs to its end, even if its caller is cancelled.",
        where="common.storage.uncancelled:_to_the_end",
        old="asyncio.shield(task)",
        new="task",
        tests=tests_in(
            "common/tests/integration/storage/test_uncancelled.py",
            "test_an_operation_goes_on_if_its_caller_is_cancelled",
        ),
    ),
    Mutation(
        name="uncancelled-database",
        promise="Every operation of PyMongo's client runs to its end.",
        where="common.storage.mongo:Mongo.__init__",
        old="UncancelledDatabase(self._client, database)",
        new="self._client[database]",
        tests=tests_in(
            "common/tests/integration/storage/test_uncancelled.py",
            "test_an_operation_goes_on_if_its_caller_is_cancelled",
        ),
    ),
    Mutation(
        name="no-adaptive-retries",
        promise="An operation for which no connection can be made fails as unavailable; the driver does not repeat it.",
        where="common.storage.mongo:Mongo.__init__",
        old='"maxAdaptiveRetries": 0,',
        new="",
        tests=tests_in(
            "common/tests/integration/storage/test_mongo.py",
            "test_a_write_without_a_new_connection_fails_as_unavailable[motor-alone]",
        ),
    ),
    Mutation(
        name="socket-timeout",
        promise="An operation fails after 1.5 s when MongoDB does not answer on an open connection.",
        where="common.storage.mongo:Mongo.__init__",
        old='"socketTimeoutMS": _ANSWER_MS,',
        new="",
        tests=tests_in(_TIMEOUTS, "test_an_operation_that_mongod_does_not_answer_fails[motor]"),
    ),
    Mutation(
        name="connect-timeout",
        promise="An operation fails after 2 s when the host of MongoDB does not answer to a new connection.",
        where="common.storage.mongo:Mongo.__init__",
        old='"connectTimeoutMS": _CONNECTION_MS,',
        new="",
        tests=tests_in(_TIMEOUTS, "test_an_operation_that_needs_a_connection_to_a_lost_host_fails"),
    ),
    Mutation(
        name="server-selection-timeout",
        promise="An operation fails after 2 s when no server of MongoDB is found.",
        where="common.storage.mongo:Mongo.__init__",
        old='"serverSelectionTimeoutMS": _CONNECTION_MS,',
        new="",
        tests=tests_in(_TIMEOUTS, "test_an_operation_for_which_no_server_is_found_fails[motor]"),
    ),
    Mutation(
        name="wait-queue-timeout",
        promise="An operation fails after 2 s when no connection of the pool becomes free.",
        where="common.storage.mongo:Mongo.__init__",
        old='"waitQueueTimeoutMS": _CONNECTION_MS,',
        new="",
        tests=tests_in(_TIMEOUTS, "test_an_operation_for_which_no_connection_becomes_free_fails[motor]"),
    ),
    Mutation(
        name="stored-times-are-utc",
        promise="A time that is read from MongoDB has the time zone UTC.",
        where="common.storage.mongo:Mongo.__init__",
        old='"tz_aware": True,',
        new="",
        tests=tests_in(
            "common/tests/integration/storage/test_mongo.py",
            "test_a_time_is_read_back_in_utc[motor]",
        ),
    ),
    Mutation(
        name="nats-sync-always",
        promise="NATS acknowledges an event only after it is on the disk, on one machine.",
        where="devkit.servers.nats_server:_CONFIGURATION",
        old="sync_interval: always",
        new="",
        tests=tests_in(
            "devkit/tests/integration/test_servers.py",
            "test_nats_writes_each_event_to_the_disk_before_it_acknowledges_it",
        ),
    ),
    Mutation(
        name="nats-sync-always-in-the-cluster",
        promise="NATS acknowledges an event only after it is on the disk, in the cluster.",
        where="infra/k8s/base/nats/nats.conf",
        old="sync_interval: always",
        new="",
        tests=tests_in(
            "marketplace/tests/integration/test_nats_durability.py",
            "test_the_clusters_nats_writes_each_event_to_the_disk_before_it_acknowledges_it",
        ),
    ),
    Mutation(
        name="streams-in-files",
        promise="The streams are kept in files, so that events survive a crash of NATS.",
        where="common.messaging.streams:Stream.config",
        old="storage=StorageType.FILE,",
        new="storage=StorageType.MEMORY,",
        tests=tests_in(_STREAMS, "test_events_survive_the_crash_of_the_server"),
    ),
    Mutation(
        name="acknowledged-events-stay",
        promise="An event stays in its stream after its consumers have acknowledged it.",
        where="common.messaging.streams:Stream.config",
        old="retention=RetentionPolicy.LIMITS,",
        new="retention=RetentionPolicy.INTEREST,",
        tests=tests_in(_STREAMS, "test_a_stream_keeps_an_event_that_every_consumer_has_acknowledged"),
    ),
    Mutation(
        name="events-never-expire",
        promise="No event is removed from its stream because of its age.",
        where="common.messaging.streams:Stream.config",
        old="max_msg_size=self.max_message_bytes,",
        new="max_msg_size=self.max_message_bytes, max_age=30 * 24 * 3600.0,",
        tests=tests_in(_STREAMS, "test_a_stream_is_stored_in_files_and_no_message_expires[DOMAIN_EVENTS]"),
    ),
    Mutation(
        name="full-streams-refuse",
        promise="A stream that is full refuses a new event, and removes no old one.",
        where="common.messaging.streams:Stream.config",
        old="DiscardPolicy.OLD if self.holds_timers else DiscardPolicy.NEW",
        new="DiscardPolicy.OLD",
        tests=tests_in(_STREAMS, "test_a_full_stream_refuses_new_messages_and_keeps_the_old_ones[DOMAIN_EVENTS]"),
    ),
    Mutation(
        name="bounded-messages",
        promise="A stream refuses a message above 256 KiB.",
        where="common.messaging.streams:Stream.config",
        old="max_msg_size=self.max_message_bytes,",
        new="",
        tests=tests_in(_STREAMS, "test_a_message_above_256_kib_is_refused"),
    ),
    Mutation(
        name="exhausted-deliveries-are-reported",
        promise="The broker's report on a message that was delivered too often is kept among the dead letters.",
        where="common.messaging.streams:DEAD_LETTERS",
        old='("dead-letter.>", "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>")',
        new='("dead-letter.>",)',
        tests=tests_in(_STREAMS, "test_the_server_reports_a_message_that_reached_max_deliver"),
        slow=True,
    ),
    Mutation(
        name="older-streams-are-updated",
        promise="Provisioning brings an older stream to the settings of today, and keeps its messages.",
        where="common.messaging.provisioning:provision_streams",
        old="await jetstream.update_stream(config)",
        new="pass",
        tests=tests_in(
            _STREAMS, "test_provisioning_updates_the_settings_of_a_stream_and_keeps_its_messages[DOMAIN_EVENTS]"
        ),
    ),
    Mutation(
        name="replicated-streams",
        promise="Each stream is kept on as many NATS servers as production asks for.",
        where="common.messaging.streams:Stream.config",
        old="num_replicas=replicas,",
        new="num_replicas=1,",
        tests=tests_in(
            "marketplace/tests/integration/test_provisioning.py",
            "test_each_stream_and_consumer_is_kept_on_as_many_servers_as_asked_for",
        ),
        slow=True,
    ),
)
