"""The recovery job of payments."""

from mutations.mutation import Mutation, tests_in

_RECOVERY = "payments/tests/unit/test_recover_open_payments.py"
_LOOP = "payments/tests/unit/test_recovery_job.py"
_UNFINISHED = "payments/tests/integration/test_unfinished_payments.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="recovery-job-runs-with-the-service",
        promise="The recovery job is part of the running service.",
        where="payments.main:create_app",
        old="runtime.in_background(RecoveryJob(repository, payments.finish, clock).run_forever)",
        new="",
        tests=tests_in(
            _UNFINISHED,
            "test_a_service_finishes_open_payments_at_its_start",
        ),
        slow=True,
    ),
    Mutation(
        name="recovery-job-runs-again-and-again",
        promise="The recovery job runs for as long as the service does, not only at its start.",
        where="payments.recovery_job:RecoveryJob.run_forever",
        old="while True:",
        new="for _ in range(1):",
        tests=tests_in(
            _LOOP,
            "test_the_recovery_job_tries_again_until_the_card_processor_is_back",
        ),
    ),
    Mutation(
        name="recovery-job-survives-an-outage",
        promise="An outage of the database does not end the recovery job.",
        where="payments.recovery_job:RecoveryJob.run_forever",
        old='log.warning("recovery of open payments stopped, trying again later", reason=str(error))',
        new="raise",
        tests=tests_in(_LOOP, "test_the_recovery_job_survives_an_outage_of_its_database"),
    ),
    Mutation(
        name="recovery-job-finishes-pending-payments",
        promise="A payment whose outcome was unknown is finished by the recovery job.",
        where="payments.recovery_job:RecoveryJob._recover",
        old="if payment.status is PaymentStatus.PENDING and payment.begun_at < self._clock() - _KEY_IS_KEPT_FOR:",
        new="if payment.status is PaymentStatus.PENDING:",
        tests=tests_in(
            _RECOVERY,
            "test_the_recovery_job_finishes_a_payment_of_unknown_outcome_with_one_charge[unavailable]",
        ),
    ),
    Mutation(
        name="recovery-job-refunds",
        promise="A refund that a crash or an outage prevented is made by the recovery job, however old the payment is.",
        where="payments.recovery_job:RecoveryJob._recover",
        old="if payment.status is PaymentStatus.PENDING and payment.begun_at < self._clock() - _KEY_IS_KEPT_FOR:",
        new="if payment.begun_at < self._clock() - _KEY_IS_KEPT_FOR:",
        tests=tests_in(_RECOVERY, "test_a_refund_is_never_too_old"),
    ),
    Mutation(
        name="recovery-job-closes-what-it-charges",
        promise="The recovery job refunds a charge whose order was cancelled meanwhile.",
        where="payments.recovery_job:RecoveryJob._recover",
        old="await self._finish(PaymentId(payment.id))",
        new="await self._finish.__self__._charge(PaymentId(payment.id))",
        tests=tests_in(
            _UNFINISHED,
            "test_a_charge_found_after_the_cancellation_of_its_order_is_refunded",
        ),
    ),
    Mutation(
        name="recovery-job-leaves-young-payments-alone",
        promise="The recovery job does not touch a payment that a request may still be working on.",
        where="payments.recovery_job:_ABANDONED_AFTER",
        old="timedelta(seconds=10)",
        new="timedelta(0)",
        tests=tests_in(_RECOVERY, "test_the_recovery_job_skips_payments_that_a_request_may_still_process"),
    ),
    Mutation(
        name="recovery-job-pauses-longer-after-each-failure",
        promise="The recovery job tries a payment that cannot be finished less and less often.",
        where="payments.recovery_job:_after_one_more",
        old="2 ** (attempts - 1)",
        new="1",
        tests=tests_in(
            "payments/tests/unit/test_recovery_job.py",
            "test_the_recovery_job_tries_a_payment_that_cannot_be_finished_less_and_less_often",
        ),
    ),
    Mutation(
        name="refunds-delay-no-other-order",
        promise="A card processor that does not refund never delays what payments knows about orders.",
        where="payments.consumers:CONSUMERS",
        old='"payments-stop-payments-on-order-closed", (OrderCancelled, OrderCompleted)',
        new='"payments-stop-payments-on-order-closed", (OrderCompleted,)',
        tests=tests_in(
            "payments/tests/integration/test_refunds.py",
            "test_refunds_that_never_end_do_not_delay_what_payments_knows_of_other_orders[motor]",
        ),
        slow=True,
    ),
    Mutation(
        name="no-charge-after-the-processor-may-forget-its-key",
        promise="A payment older than the processor's memory of idempotency keys is never charged again.",
        where="payments.recovery_job:RecoveryJob._recover",
        old="if payment.status is PaymentStatus.PENDING and payment.begun_at < self._clock() - _KEY_IS_KEPT_FOR:",
        new="if False:",
        tests=tests_in(
            _RECOVERY,
            "test_a_payment_older_than_its_idempotency_key_is_reported_not_charged",
        ),
    ),
    Mutation(
        name="recovery-job-continues-after-a-failure",
        promise="One payment that cannot be finished does not keep the recovery job from the others.",
        where="payments.recovery_job:RecoveryJob._recover",
        old='log.exception("open payment not finished", payment=payment.id)',
        new="raise",
        tests=tests_in(
            _RECOVERY,
            "test_a_payment_that_cannot_be_finished_does_not_block_the_others",
        ),
    ),
)
