"""How a service starts, waits for what it needs, and stops."""

from mutations.mutation import Mutation, tests_in

_SUBSCRIPTION_STOP = "common/tests/integration/messaging/test_subscription_stop.py"
_SERVICE = "common/tests/integration/runtime/test_service_runtime.py"
_WITHOUT = "common/tests/integration/runtime/test_service_runtime_outages.py"
_STOP = "common/tests/integration/runtime/test_service_runtime_stop.py"
_DRAINING = "common/tests/integration/http/test_server.py"
_RUN = "common/tests/integration/runtime/test_serve.py"
_CONNECTIONS = "common/tests/integration/runtime/test_serve_connections.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="ready-with-consumers",
        promise="A service is ready only once its consumers are at work.",
        where="common.runtime.service_runtime:ServiceRuntime.check_ready",
        old="if not self._started.is_set():",
        new="if False:",
        tests=tests_in(_SERVICE, "test_a_service_is_ready_only_when_its_consumers_run"),
    ),
    Mutation(
        name="changes-wait-for-the-start",
        promise="A service accepts no change before its indexes exist and its consumers are at work.",
        where="common.runtime.service_runtime:ServiceRuntime.check_can_publish",
        old="""
            if not self._started.is_set():
                raise DependencyUnavailable("The service is still starting. Try again shortly.")
        """,
        new="",
        tests=tests_in(_SERVICE, "test_a_service_is_ready_only_when_its_consumers_run"),
    ),
    Mutation(
        name="start-holds-changes",
        promise="A change that arrives while the service starts waits for a moment instead of failing.",
        where="common.runtime.service_runtime:ServiceRuntime.check_can_publish",
        old="await self._started.wait()",
        new="pass",
        tests=tests_in(_WITHOUT, "test_a_change_requested_during_the_start_waits_for_its_end"),
    ),
    Mutation(
        name="changes-need-the-broker",
        promise="A service accepts no change while it has no connection to NATS.",
        where="common.runtime.service_runtime:ServiceRuntime.check_can_publish",
        old="self.broker.require()",
        new="",
        tests=tests_in(_SERVICE, "test_a_service_refuses_changes_without_nats"),
    ),
    Mutation(
        name="indexes-before-ready",
        promise="A service is ready only once its indexes exist.",
        where="common.runtime.service_runtime:ServiceRuntime._run",
        old="await asyncio.gather(self._prepare_database(), self.broker.connect())",
        new="""
            preparing = asyncio.create_task(self._prepare_database())
            preparing.add_done_callback(lambda prepared: prepared.cancelled() or prepared.exception())
            await self.broker.connect()
        """,
        tests=tests_in(_SERVICE, "test_a_service_creates_its_indexes_before_it_is_ready"),
    ),
    Mutation(
        name="start-waits-for-the-database",
        promise="A service whose database is not available during its start waits for it.",
        where="common.runtime.background:until_available",
        old="""
            except (DependencyUnavailable, DatabaseError, NatsError) as error:
                if isinstance(error, DatabaseError) and not as_unavailable(error):
                    raise
        """,
        new="""
            except (DependencyUnavailable, NatsError) as error:
                pass
        """,
        tests=tests_in(_WITHOUT, "test_a_start_waits_for_a_database_that_stops_in_the_middle"),
        slow=True,
    ),
    Mutation(
        name="start-does-not-wait-for-a-defect",
        promise="A service does not wait for what no waiting can change, such as an index with other options.",
        where="common.runtime.background:until_available",
        old="""
            if isinstance(error, DatabaseError) and not as_unavailable(error):
                raise
        """,
        new="_ = error",
        tests=tests_in(_RUN, "test_a_process_that_cannot_continue_ends_with_exit_code_1"),
        slow=True,
    ),
    Mutation(
        name="failed-loop-ends-the-process",
        promise="A service whose background loop has failed ends its process, to be started again.",
        where="common.runtime.service_runtime:ServiceRuntime._report_failure",
        old="self.on_failure()",
        new="",
        tests=tests_in(_RUN, "test_a_process_that_cannot_continue_ends_with_exit_code_1"),
        slow=True,
    ),
    Mutation(
        name="failed-start-fails-the-liveness-probe",
        promise="The liveness probe of a service whose start has failed answers 503.",
        where="common.runtime.service_runtime:ServiceRuntime.check_alive",
        old="or (self._work is not None and self._work.done())",
        new="",
        tests=tests_in(_SERVICE, "test_a_start_that_fails_ends_the_process"),
    ),
    Mutation(
        name="closed-client-fails-the-liveness-probe",
        promise="The liveness probe of a service whose NATS client has given up answers 503.",
        where="common.runtime.service_runtime:ServiceRuntime.check_alive",
        old="self.broker.is_closed_for_good or",
        new="",
        tests=tests_in(_SERVICE, "test_a_service_whose_nats_client_gave_up_reports_that_it_must_be_restarted"),
    ),
    Mutation(
        name="sigterm-ends-with-exit-code-0",
        promise="A service that was told to stop, and has, ends with exit code 0.",
        where="common.runtime.serve:serve",
        old="signal.signal(number, stop)",
        new="pass",
        tests=tests_in(_RUN, "test_a_stopped_process_ends_with_exit_code_0"),
    ),
    Mutation(
        name="failure-ends-with-exit-code-1",
        promise="A service that cannot go on ends with exit code 1.",
        where="common.runtime.serve:serve",
        old="failed or not server.started",
        new="not server.started",
        tests=tests_in(_RUN, "test_a_process_that_cannot_continue_ends_with_exit_code_1"),
    ),
    Mutation(
        name="stop-hands-deliveries-back",
        promise="An event that a stopping instance did not finish goes to another instance at once.",
        where="common.messaging.delivery:DeliveryProcessor.process",
        old="await message.nak()",
        new="pass",
        tests=tests_in(_SUBSCRIPTION_STOP, "test_an_event_in_flight_goes_to_another_instance_at_once"),
    ),
    Mutation(
        name="stop-drops-no-delivery",
        promise="An instance that stops handles what the broker has sent to it already.",
        where="common.messaging.subscription:_drain",
        old="subscription.drain()",
        new="subscription.unsubscribe()",
        tests=tests_in(_SUBSCRIPTION_STOP, "test_a_stop_drops_no_delivery_that_the_broker_has_sent"),
        slow=True,
    ),
    Mutation(
        name="stop-publishes-the-outbox",
        promise="What was changed just before a service stops is published before its process ends.",
        where="common.runtime.service_runtime:ServiceRuntime._stop",
        old="await self.relay.drain(_FINISH_SECONDS)",
        new="",
        tests=tests_in(_STOP, "test_a_change_just_before_the_stop_is_published"),
    ),
    Mutation(
        name="stop-publishes-after-the-last-handler",
        promise="What a handler changes while its service stops is published before the process ends.",
        where="common.runtime.service_runtime:ServiceRuntime._stop",
        old="""
            await asyncio.gather(*stopping, return_exceptions=True)  # so that errors do not stop the next steps
            await self.relay.drain(_FINISH_SECONDS)
        """,
        new="""
            await self.relay.drain(_FINISH_SECONDS)
            await asyncio.gather(*stopping, return_exceptions=True)
        """,
        tests=tests_in(_STOP, "test_a_change_of_a_handler_during_the_stop_is_published"),
    ),
    Mutation(
        name="stop-waits-for-no-handler-for-ever",
        promise="A handler that does not return does not keep its service from stopping.",
        where="common.messaging.subscription:Subscription.stop",
        old="await asyncio.wait(self._in_flight, timeout=max(0.0, deadline - time.monotonic()))",
        new="await asyncio.wait(self._in_flight)",
        tests=tests_in(_SUBSCRIPTION_STOP, "test_a_handler_that_does_not_return_does_not_prevent_the_stop"),
        slow=True,
    ),
    Mutation(
        name="stop-waits-for-no-loop-for-ever",
        promise="A background loop that ignores its cancellation does not keep its service from stopping.",
        where="common.runtime.service_runtime:ServiceRuntime._stop",
        old="timeout=_FINISH_SECONDS",
        new="",
        tests=tests_in(_SERVICE, "test_a_loop_that_ignores_its_cancellation_does_not_block_the_stop"),
        slow=True,
    ),
    Mutation(
        name="stop-drains-http-connections",
        promise="A request that arrives on an open connection while the service stops is answered.",
        where="common.http.server:DrainingServer.shutdown",
        old="while self.server_state.connections and time.monotonic() < deadline:",
        new="while False:",
        tests=tests_in(
            _DRAINING,
            "test_a_request_sent_during_the_stop_is_answered_then_the_connection_closes",
        ),
    ),
    Mutation(
        name="stop-closes-http-connections",
        promise="Each answer of a service that stops asks the gateway to close the connection.",
        where="common.http.server:DrainingServer.shutdown",
        old='self.server_state.default_headers.append((b"connection", b"close"))',
        new="",
        tests=tests_in(
            _DRAINING,
            "test_a_request_sent_during_the_stop_is_answered_then_the_connection_closes",
        ),
    ),
    Mutation(
        name="stop-accepts-what-has-connected",
        promise="A connection that the kernel has accepted before the stop is served.",
        where="common.http.server:DrainingServer._stop_listening",
        old="waiting = _accept_all(each)",
        new="waiting: list[socket.socket] = []",
        tests=tests_in(_DRAINING, "test_a_connection_accepted_by_the_kernel_before_the_stop_is_served"),
    ),
    Mutation(
        name="stop-waits-for-no-client-for-ever",
        promise="A client that does not read its answer does not keep a service from stopping.",
        where="common.runtime.serve:serve",
        old="timeout_graceful_shutdown=2,",
        new="",
        tests=tests_in(_CONNECTIONS, "test_a_client_that_stops_reading_does_not_block_the_stop"),
        slow=True,
    ),
    Mutation(
        name="idle-connection-is-closed-by-the-gateway",
        promise="A service keeps an idle connection longer than a gateway does, so no request meets a closed one.",
        where="common.runtime.serve:serve",
        old="timeout_keep_alive=75,",
        new="",
        tests=tests_in(_CONNECTIONS, "test_a_service_does_not_close_idle_connections"),
        slow=True,
    ),
)
