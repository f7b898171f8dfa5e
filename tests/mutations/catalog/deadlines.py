"""Every deadline takes effect."""

from mutations.mutation import Mutation, tests_in

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="all-pending-timers-set-at-start",
        promise="A service that starts sets the timers of all pending deadlines, whenever they are due.",
        where="expiration.service:ExpirationService.keep_timers_set",
        old="due_before: datetime | None = None",
        new="due_before: datetime | None = self._clock() - _SURELY_LOST",
        tests=tests_in(
            "expiration/tests/unit/test_missed_timers.py",
            "test_a_service_that_starts_sets_the_timers_of_all_pending_deadlines",
        ),
    ),
    Mutation(
        name="timers-set-at-start-of-the-service",
        promise="The loop that sets timers at the start, and those that were lost, is part of the running service.",
        where="expiration.main:create_app",
        old="runtime.in_background(expiration.keep_timers_set)",
        new="",
        tests=tests_in(
            "expiration/tests/integration/test_restarts.py",
            "test_a_stored_deadline_without_timer_gets_one_at_the_next_start",
        ),
        slow=True,
    ),
    Mutation(
        name="missed-timers-set-again",
        promise="A timer that the broker has lost is set again while the service runs.",
        where="expiration.service:ExpirationService.keep_timers_set",
        old="due_before = next_check - _SURELY_LOST",
        new="due_before = datetime(2000, 1, 1, tzinfo=next_check.tzinfo)",
        tests=tests_in(
            "expiration/tests/unit/test_missed_timers.py",
            "test_a_timer_that_was_lost_is_set_again_while_the_service_runs",
        ),
    ),
    Mutation(
        name="loop-of-missed-timers-survives-an-outage",
        promise="An outage of the broker does not end the loop that sets timers.",
        where="expiration.service:ExpirationService.keep_timers_set",
        old="except (DatabaseError, DependencyUnavailable) as error:",
        new="except DatabaseError as error:",
        tests=tests_in(
            "expiration/tests/unit/test_missed_timers.py",
            "test_timers_that_could_not_be_set_at_the_start_are_set_after_the_outage",
        ),
    ),
    Mutation(
        name="timers-of-the-start-set-after-an-outage",
        promise="Timers that cannot be set at the start are all set after the outage, and not only the missed ones.",
        where="expiration.service:ExpirationService.keep_timers_set",
        old="""
                else:
                    if scheduled:
                        log.info("timers of pending deadlines set", deadlines=scheduled)
                    next_check""",
        new="""
                else:
                    if scheduled:
                        log.info("timers of pending deadlines set", deadlines=scheduled)
                finally:
                    next_check""",
        tests=tests_in(
            "expiration/tests/unit/test_missed_timers.py",
            "test_timers_that_could_not_be_set_at_the_start_are_set_after_the_outage",
        ),
    ),
    Mutation(
        name="redelivery-sets-the-timer-again",
        promise="A redelivered event sets the timer that could not be set before, although the deadline is stored.",
        where="expiration.service:ExpirationService.follow_order",
        old="deadline = await self._start(event) if isinstance(event, OrderCreated) else None",
        new="""
            deadline = await self._start(event) if isinstance(event, OrderCreated) else await self._follow(event)
            if deadline is None:
                return""",
        tests=tests_in(
            "expiration/tests/unit/test_expiration_service.py",
            "test_a_timer_that_could_not_be_set_is_set_at_the_next_delivery",
        ),
    ),
    Mutation(
        name="deadline-is-stored-before-its-timer-is-set",
        promise="A timer is set only for a stored deadline, so one that fires at once finds it.",
        where="expiration.service:ExpirationService.follow_order",
        old="deadline = await self._start(event) if isinstance(event, OrderCreated) else None",
        new="""
            await self._timers.schedule(Deadline.of_order(event))
            deadline = await self._follow(event)
            return""",
        tests=tests_in(
            "expiration/tests/unit/test_missed_timers.py", "test_a_timer_that_fires_at_once_finds_its_deadline_stored"
        ),
    ),
    Mutation(
        name="closed-order-sets-no-timer",
        promise="An order that has ended before its creation is heard of gets no timer.",
        where="expiration.service:ExpirationService.follow_order",
        old="if deadline.is_pending:",
        new="if True:",
        tests=tests_in(
            "expiration/tests/unit/test_expiration_service.py", "test_an_order_that_is_known_to_be_closed_sets_no_timer"
        ),
    ),
    Mutation(
        name="early-timer-does-not-count",
        promise="A timer that fires before the deadline does not end the order.",
        where="expiration.service:ExpirationService.complete_deadline",
        old="if early > 0:",
        new="if False:",
        tests=tests_in(
            "expiration/tests/unit/test_expiration_service.py",
            "test_a_timer_that_fires_early_asks_for_another_delivery_when_it_is_due",
        ),
    ),
    Mutation(
        name="only-pending-deadlines-complete",
        promise="A deadline is published as passed once, and never after its order has ended.",
        where="expiration.service:ExpirationService.complete_deadline",
        old="if deadline is None or not deadline.is_pending:",
        new="if deadline is None:",
        tests=tests_in(
            "expiration/tests/unit/test_expiration_service.py",
            "test_a_timer_completes_a_deadline_once",
            "test_in_any_order_of_events_the_deadline_of_a_closed_order_is_dropped[completed]",
        ),
    ),
    Mutation(
        name="completed-deadline-stays-completed",
        promise="An order event after the deadline does not change a deadline that was published as passed.",
        where="expiration.deadline:Deadline.follow",
        old="if self.is_pending:",
        new="if True:",
        tests=tests_in(
            "expiration/tests/unit/test_deadline.py",
            "test_events_of_the_order_do_not_change_a_completed_deadline",
        ),
    ),
    Mutation(
        name="deadline-follows-only-newer-order-events",
        promise="An order event that is not newer than what the deadline has followed changes nothing.",
        where="expiration.deadline:Deadline.is_behind",
        old="return self.order_version < event.version",
        new="return True",
        tests=tests_in(
            "expiration/tests/unit/test_deadline.py",
            "test_an_order_whose_last_event_comes_first_has_a_dropped_deadline",
        ),
    ),
    Mutation(
        name="one-timer-per-order",
        promise="Setting the timer of a deadline again replaces the one before.",
        where="expiration.timers:TimerScheduler.schedule",
        old="await self.publisher.publish_raw(timer.schedule_subject,",
        new="""
            from uuid import uuid4
            await self.publisher.publish_raw(f"{timer.schedule_subject}.{uuid4().hex}",""",
        tests=tests_in("expiration/tests/integration/test_restarts.py", "test_repeated_starts_leave_one_timer"),
        slow=True,
    ),
    Mutation(
        name="fired-timers-go-away",
        promise="The broker deletes the message of a fired timer after an hour.",
        where="expiration.timers:TimerScheduler.schedule",
        old='"Nats-Schedule-TTL": _KEEP_FIRED_TIMERS,',
        new="",
        tests=tests_in("expiration/tests/integration/test_timers.py", "test_fired_timers_are_deleted_from_the_stream"),
    ),
)
