"""Every charge ends as a completed order or a refund."""

from mutations.mutation import Mutation, tests_in

_PAYING = "payments/tests/integration/test_paying.py"
_PAY_ORDER = "payments/tests/unit/test_pay_order.py"
_PAYMENT = "payments/tests/unit/test_payment.py"
_REPEATED = "payments/tests/integration/test_repeated_requests.py"
_INTERRUPTIONS = "payments/tests/integration/test_interruptions.py"
_RECOVERY = "payments/tests/unit/test_recover_open_payments.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="one-charge-per-order",
        promise="However many payments are tried at once, an order is charged once.",
        where="payments.repository:PaymentRepository.create_indexes",
        old='"order_id", unique=True,',
        new='"order_id",',
        tests=tests_in(_PAYING, "test_50_concurrent_payments_for_one_order_are_one_charge"),
    ),
    Mutation(
        name="payments-unique-indexes-made-at-start",
        promise="Payments takes no request before its unique indexes exist.",
        where="payments.main:create_app",
        old="runtime.before_start(repository.create_indexes, requests.create_indexes)",
        new="runtime.before_start(requests.create_indexes)",
        tests=tests_in(_PAYING, "test_50_concurrent_payments_for_one_order_are_one_charge"),
    ),
    Mutation(
        name="repeated-request-goes-on-with-its-payment",
        promise="A repeated request with an Idempotency-Key goes on with the payment that the first one began.",
        where="payments.service:PaymentService.pay_order",
        old="if begun_before is not None:",
        new="if False:",
        tests=tests_in(
            _REPEATED,
            "test_a_repeated_request_whose_card_was_declined_is_declined_again",
        ),
    ),
    Mutation(
        name="repeated-request-is-declined-again",
        promise="Each request for a payment whose card was declined is answered with that decline.",
        where="payments.service:PaymentService._charge",
        old="if payment.status is PaymentStatus.DECLINED:",
        new="if False:",
        tests=tests_in(
            _REPEATED,
            "test_a_repeated_request_whose_card_was_declined_is_declined_again",
            "test_two_concurrent_copies_of_a_request_make_one_payment",
        ),
        slow=True,
    ),
    Mutation(
        name="amount-is-that-of-the-order",
        promise="The card is charged the price at which the ticket was ordered, in minor units.",
        where="payments.service:PaymentService.pay_order",
        old="amount=order.price,",
        new="amount=order.price // 100,",
        tests=tests_in(
            _PAY_ORDER,
            "test_paying_charges_the_agreed_price_with_the_payments_id_as_the_key",
        ),
    ),
    Mutation(
        name="no-payment-after-the-deadline",
        promise="An order past its deadline is not charged, even if its cancellation has not arrived yet.",
        where="payments.service:PaymentService.pay_order",
        old="if order.expires_at <= self._clock():",
        new="if False:",
        tests=tests_in(_PAY_ORDER, "test_the_deadline_itself_is_too_late"),
    ),
    Mutation(
        name="no-payment-of-a-cancelled-order",
        promise="A cancelled order is not charged.",
        where="payments.service:PaymentService.pay_order",
        old="if order.status is OrderStatus.CANCELLED:",
        new="if False:",
        tests=tests_in(_PAY_ORDER, "test_a_closed_order_is_not_charged[cancelled]"),
    ),
    Mutation(
        name="no-payment-of-a-completed-order",
        promise="A completed order is not charged again.",
        where="payments.service:PaymentService.pay_order",
        old="if order.status is OrderStatus.COMPLETED:",
        new="if False:",
        tests=tests_in(_PAY_ORDER, "test_a_closed_order_is_not_charged[completed]"),
    ),
    Mutation(
        name="payment-is-stored-before-the-charge",
        promise="No card is charged before its payment is stored and claims the order.",
        where="payments.service:PaymentService.pay_order",
        old="await self._payments.add(payment)",
        new="""
            await self._gateway.charge(payment_id=PaymentId(payment.id), amount=payment.amount, token=token)
            await self._payments.add(payment)""",
        tests=tests_in(_PAYING, "test_50_concurrent_payments_for_one_order_are_one_charge"),
        slow=True,
    ),
    Mutation(
        name="declined-payment-ends",
        promise="A declined card leaves the order to another one.",
        where="payments.service:PaymentService._charge",
        old="""
            payment.decline(declined.reason)
            await self._payments.save(payment)""",
        new="",
        tests=tests_in(_PAY_ORDER, "test_after_a_decline_the_order_can_be_paid_with_another_card"),
    ),
    Mutation(
        name="payment-with-unknown-token-ends",
        promise="A card token that the processor does not know leaves the order to another one.",
        where="payments.service:PaymentService._charge",
        old="""
            payment.decline(str(unknown))
            await self._payments.save(payment)""",
        new="",
        tests=tests_in(
            _PAY_ORDER,
            "test_an_unknown_token_is_invalid_input_and_does_not_claim_the_order",
        ),
    ),
    Mutation(
        name="unknown-outcome-stays-open",
        promise="If the card processor does not answer, the payment stays open until the outcome is known.",
        where="payments.service:PaymentService._charge",
        old="""
            except GatewayUnavailable as error:
                raise _outcome_unknown(error, payment) from error""",
        new="""
            except GatewayUnavailable as error:
                payment.decline(error.reason)
                await self._payments.save(payment)
                raise _outcome_unknown(error, payment) from error""",
        tests=tests_in(
            _RECOVERY,
            "test_the_recovery_job_finishes_a_payment_of_unknown_outcome_with_one_charge[loses_answers]",
        ),
    ),
    Mutation(
        name="payment-end-is-final",
        promise="A declined, refunded or settled payment never changes again.",
        where="payments.payment:Payment._leave",
        old="if self.status is not before or not self.open:",
        new="if False:",
        tests=tests_in(
            _PAYMENT,
            "test_every_invalid_transition_is_refused_and_changes_nothing[decline-capture]",
            "test_every_invalid_transition_is_refused_and_changes_nothing[capture-refund-refund]",
        ),
    ),
    Mutation(
        name="settled-payment-not-refunded",
        promise="A payment whose order was completed cannot be refunded.",
        where="payments.payment:Payment._leave",
        old="if self.status is not before or not self.open:",
        new="if self.status is not before:",
        tests=tests_in(
            _PAYMENT,
            "test_every_invalid_transition_is_refused_and_changes_nothing[capture-settle-refund]",
        ),
    ),
    Mutation(
        name="card-token-is-forgotten",
        promise="The card token is deleted as soon as the outcome of the charge is known.",
        where="payments.payment:Payment.capture",
        old="self.token = None",
        new="",
        tests=tests_in(
            _PAYMENT,
            "test_the_card_token_is_deleted_once_the_outcome_is_known[capture]",
        ),
    ),
    Mutation(
        name="refund-on-cancellation",
        promise="When an order is cancelled after the charge, the charge is refunded.",
        where="payments.service:PaymentService.close_payment",
        old="if payment is None:",
        new="if payment is None or event.fact == 'cancelled':",
        tests=tests_in(_PAY_ORDER, "test_a_cancellation_after_the_capture_refunds_it_once"),
    ),
    Mutation(
        name="refund-after-a-late-charge",
        promise="A charge that succeeds when its order is already cancelled is refunded.",
        where="payments.service:PaymentService.finish",
        old="""
            await self._charge(payment_id)
            payment = await self._close(payment_id)""",
        new="""
            await self._close(payment_id)
            await self._charge(payment_id)
            payment = await self._known(payment_id)""",
        tests=tests_in(
            _INTERRUPTIONS,
            "test_a_cancellation_at_any_moment_of_a_payment_ends_in_a_refund",
        ),
    ),
    Mutation(
        name="cancellation-is-stored-before-its-payment-is-read",
        promise="A charge that returns at any moment of the handling of a cancellation is refunded.",
        where="payments.service:PaymentService.close_payment",
        old="""
            await self._orders.apply(event)  # `learn_of_order` may not have handled this event yet
            payment = await self._payments.find_captured_and_open(OrderId(event.id))""",
        new="""
            payment = await self._payments.find_captured_and_open(OrderId(event.id))
            await self._orders.apply(event)""",
        tests=tests_in(
            _INTERRUPTIONS,
            "test_a_charge_that_returns_at_any_moment_of_a_cancellation_is_refunded",
        ),
    ),
    Mutation(
        name="refund-is-recorded-only-when-made",
        promise="A payment counts as refunded only after the card processor has made the refund.",
        where="payments.service:PaymentService._refund",
        old="""
            except GatewayUnavailable as error:
                raise _outcome_unknown(error, payment) from error""",
        new="""
            except GatewayUnavailable:
                log.warning("card processor unavailable")""",
        tests=tests_in(_RECOVERY, "test_a_refund_is_never_too_old"),
    ),
    Mutation(
        name="impossible-refund-is-dead-lettered",
        promise="A refund of a charge that the processor never made is dead-lettered, for an operator to look at.",
        where="payments.service:PaymentService._refund",
        old="raise PermanentFailure(str(error)) from error",
        new="payment.refund()\nreturn",
        tests=tests_in(
            _PAY_ORDER,
            "test_a_refund_of_an_unknown_charge_is_a_permanent_failure",
        ),
    ),
)
