"""Card processors: Stripe and the sandbox."""

from mutations.mutation import Mutation, tests_in

_ANSWERS = "payments/tests/integration/test_stripe_answers.py"
_STATES = "payments/tests/integration/test_stripe_states.py"
_SANDBOX = "payments/tests/unit/test_sandbox_gateway.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="stripe-charge-under-the-payments-id",
        promise="A charge that is asked for again at Stripe is made once: its idempotency key is the payment's id.",
        where="payments.gateway.stripe_gateway:StripeGateway.charge",
        old='create_async(params, {"idempotency_key": payment_id})',
        new="create_async(params)",
        tests=tests_in(
            _ANSWERS,
            "test_a_transient_failure_is_retried_with_the_same_key",
        ),
    ),
    Mutation(
        name="stripe-refund-under-the-payments-id",
        promise="A refund whose answer was lost is asked for again at Stripe under the same key, and made once.",
        where="payments.gateway.stripe_gateway:StripeGateway.refund",
        old='"metadata": {"payment_id": payment_id}}, {"idempotency_key": key}',
        new='"metadata": {"payment_id": payment_id}}',
        tests=tests_in(
            "payments/tests/integration/test_stripe_refunds.py",
            "test_a_refund_whose_answer_was_lost_is_repeated_and_made_once",
        ),
    ),
    Mutation(
        name="stripe-timeout-is-unknown",
        promise="A charge that Stripe does not answer in time counts as unknown, and not as declined.",
        where="payments.gateway.stripe_gateway:StripeGateway._asking",
        old='raise GatewayUnavailable(f"Stripe did not answer within {self._timeout_seconds} s. Try again.") from None',
        new='raise CardDeclined("Stripe did not answer.", "timeout") from None',
        tests=tests_in(
            _ANSWERS,
            "test_a_call_that_stripe_does_not_answer_times_out",
        ),
    ),
    Mutation(
        name="stripe-call-is-bounded",
        promise="A Stripe that does not answer is given up in time.",
        where="payments.gateway.stripe_gateway:StripeGateway._asking",
        old="async with asyncio.timeout(self._timeout_seconds):",
        new="async with asyncio.timeout(None):",
        tests=tests_in(
            _ANSWERS,
            "test_a_call_that_stripe_does_not_answer_times_out",
        ),
    ),
    Mutation(
        name="stripe-call-ends-before-the-request",
        promise="A call of Stripe is given up before the time for the buyer's request is over.",
        where="payments.main:choose_gateway",
        old=", timeout_seconds=_CHARGE_SECONDS",
        new="",
        tests=tests_in(
            "payments/tests/integration/test_silent_stripe.py",
            "test_the_answer_says_that_a_payment_of_unknown_outcome_is_finished_later",
        ),
    ),
    Mutation(
        name="stripe-unreadable-answer-is-unknown",
        promise="An answer that cannot be read leaves the outcome of a charge unknown, and is no defect of ours.",
        where="payments.gateway.stripe_gateway:StripeGateway._asking",
        old="except (AttributeError, LookupError, TypeError, ValueError) as error:",
        new="except LookupError as error:",
        tests=tests_in(
            _ANSWERS,
            "test_an_answer_without_a_result_leaves_the_outcome_unknown",
        ),
        slow=True,
    ),
    Mutation(
        name="stripe-card-error-is-a-decline",
        promise="A card that Stripe declines ends the payment, and is not tried again for ever.",
        where="payments.gateway.stripe_errors:charge_failure",
        old="case stripe.CardError():",
        new="case stripe.CardError() if False:",
        tests=tests_in(
            _ANSWERS,
            "test_a_decline_has_stripes_message_also_when_it_is_repeated",
        ),
    ),
    Mutation(
        name="stripe-undecided-is-unknown",
        promise="An intent that Stripe has not decided yet, or whose status is new, counts as unknown.",
        where="payments.gateway.stripe_gateway:_charge_of",
        old='raise GatewayUnavailable(f"Stripe has not decided yet: the PaymentIntent is {intent.status}. Try again.")',
        new='raise CardDeclined("Your card was declined.", "card_declined")',
        tests=tests_in(
            _STATES,
            "test_an_intent_that_stripe_has_not_decided_is_no_decline",
        ),
    ),
    Mutation(
        name="stripe-uncharged-intent-is-a-decline",
        promise="An intent that charged nothing is not taken for a charge.",
        where="payments.gateway.stripe_gateway:_charge_of",
        old='if intent.status == "succeeded":',
        new="if intent.id:",
        tests=tests_in(_STATES, "test_an_intent_that_charged_nothing_is_a_decline"),
    ),
    Mutation(
        name="stripe-failed-refund-is-not-done",
        promise="A refund that failed at Stripe does not count as made.",
        where="payments.gateway.stripe_gateway:StripeGateway.refund",
        old='if refund.status in ("failed", "canceled"):',
        new="if False:",
        tests=tests_in(
            _STATES,
            "test_only_a_refund_that_can_never_succeed_is_refused_for_good",
        ),
    ),
    Mutation(
        name="stripe-refused-refund-needs-a-person",
        promise="A refund that Stripe will never make becomes a case for a person, and is not only repeated.",
        where="payments.gateway.stripe_errors:refund_failure",
        old="case stripe.InvalidRequestError() | stripe.CardError() if error.code not in _TEMPORARY_REFUSALS:",
        new="case _ if False:",
        tests=tests_in(
            "payments/tests/integration/test_stripe_refunds.py",
            "test_a_disputed_charge_is_a_case_for_a_person_and_can_be_refunded_later",
        ),
    ),
    Mutation(
        name="stripe-temporary-refusal-needs-nobody",
        promise="A refund that Stripe may make later is repeated, and makes no dead letter.",
        where="payments.gateway.stripe_errors:refund_failure",
        old=" if error.code not in _TEMPORARY_REFUSALS:",
        new=":",
        tests=tests_in(_STATES, "test_only_a_refund_that_can_never_succeed_is_refused_for_good"),
    ),
    Mutation(
        name="stripe-refund-by-hand-counts",
        promise="A charge that an operator has refunded by hand counts as refunded.",
        where="payments.gateway.stripe_gateway:StripeGateway.refund",
        old='if error.code != "charge_already_refunded":',
        new="if True:",
        tests=tests_in(
            _STATES,
            "test_a_charge_that_was_refunded_by_hand_counts_as_refunded",
        ),
    ),
    Mutation(
        name="sandbox-charge-under-the-payments-id",
        promise="A charge that is asked for again at the sandbox is made once.",
        where="payments.gateway.sandbox:SandboxGateway.charge",
        old="self._charges.first(payment_id,",
        new='self._charges.first(_new_id("ch"),',
        tests=tests_in(_SANDBOX, "test_a_repeated_charge_charges_once_with_the_same_result"),
    ),
    Mutation(
        name="sandbox-refund-under-the-payments-id",
        promise="A refund that is asked for again at the sandbox is made once.",
        where="payments.gateway.sandbox:SandboxGateway.refund",
        old='self._refunds.first(f"refund:{payment_id}",',
        new='self._refunds.first(_new_id("re"),',
        tests=tests_in(_SANDBOX, "test_repeated_refunds_of_a_charge_refund_once"),
    ),
    Mutation(
        name="sandbox-insert-decides",
        promise="Of any number of charges of one payment at once, the sandbox makes one and answers it to all.",
        where="payments.gateway.sandbox:_Results.first",
        old='await self._collection.insert_one({"_id": key, **result.model_dump()})',
        new="""
            if await self._collection.find_one({"_id": key}):
                raise DuplicateKeyError("read, and not decided by the index")
            await self._collection.update_one({"_id": key}, {"$set": result.model_dump()}, upsert=True)""",
        tests=tests_in(
            "payments/tests/integration/test_sandbox_gateway.py",
            "test_100_concurrent_charges_of_one_payment_charge_once_with_one_result",
        ),
    ),
    Mutation(
        name="sandbox-refuses-another-request-under-a-key",
        promise="The sandbox refuses a payment id that was used for another amount, currency or card.",
        where="payments.gateway.sandbox:_Results.first",
        old="if first.request != result.request:",
        new="if False:",
        tests=tests_in(
            _SANDBOX,
            "test_a_payment_id_reused_for_another_charge_is_a_conflict",
            "test_a_payment_id_reused_in_another_currency_is_a_conflict",
        ),
    ),
    Mutation(
        name="sandbox-outage-is-unknown",
        promise="If the sandbox's database does not answer, the outcome of a charge counts as unknown.",
        where="payments.gateway.sandbox:_Results.first",
        old="""
            except PyMongoError as error:
                raise _unavailable(error) from error""",
        new="",
        tests=tests_in(
            "payments/tests/integration/test_sandbox_gateway.py",
            "test_a_database_that_is_down_means_that_the_outcome_is_unknown[AsyncIOMotorClient]",
        ),
    ),
)
