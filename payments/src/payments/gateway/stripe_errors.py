"""Translates the errors of Stripe into the errors of our interface `PaymentGateway`.

Source: https://docs.stripe.com/api/errors and https://docs.stripe.com/error-codes.
"""

import stripe

from payments.gateway.protocol import (
    CardDeclined,
    ChargeId,
    GatewayUnavailable,
    IdempotencyConflict,
    RefundRefused,
    UnknownCharge,
    UnknownToken,
)

_DECLINED = "Your card was declined."
_AMOUNT_CODES = ("amount_too_small", "amount_too_large")
_TEMPORARY_REFUSALS = ("balance_insufficient", "idempotency_key_in_use", "lock_timeout")
"""The codes of refused refunds that Stripe may accept later: our balance grows, or another request ends."""


def charge_failure(error: stripe.StripeError, *, key: str, token: str) -> Exception:
    match error:
        case stripe.CardError():
            return CardDeclined(error.user_message or _DECLINED, _decline_code(error))
        case stripe.InvalidRequestError() if error.code in _AMOUNT_CODES:
            # For example, the amount is less than Stripe's minimum of 0.50 USD. The buyer gets Stripe's message, which
            # says this. So we treat the error like a declined card.
            return CardDeclined(error.user_message or _DECLINED, str(error.code))
        case stripe.InvalidRequestError() if _is_about_the_token(error):
            return UnknownToken(token)
    return _request_failure(error, key=key)


def refund_failure(error: stripe.StripeError, *, key: str, charge_id: ChargeId) -> Exception:
    """Return RefundRefused if Stripe refuses this refund (statuses 400, 402 and 404), and will also refuse it later.

    This is so for every code that is not in `_TEMPORARY_REFUSALS`, also for codes that Stripe adds in the future. The
    other errors do not depend on the refund. They are about our key, too many requests, Stripe itself or the network.
    """
    match error:
        case stripe.InvalidRequestError() if error.code == "resource_missing":
            return UnknownCharge(charge_id)
        case stripe.InvalidRequestError() | stripe.CardError() if error.code not in _TEMPORARY_REFUSALS:
            reason = f"Stripe refuses this refund ({error.code or 'no code'}): {error.user_message}"
            return RefundRefused(_with_request_id(reason, error))
    return _request_failure(error, key=key)


def _request_failure(error: stripe.StripeError, *, key: str) -> IdempotencyConflict | GatewayUnavailable:
    match error:
        case stripe.IdempotencyError():
            return IdempotencyConflict(key)
        case stripe.AuthenticationError():
            reason = "Stripe refuses STRIPE_KEY. Set it to a secret key of the account (sk_…) and restart payments."
        case stripe.PermissionError():
            reason = "STRIPE_KEY lacks permissions. It needs to write PaymentIntents and Refunds."
        case stripe.RateLimitError():
            reason = "Stripe gets more requests than it allows. Try again later."
        case stripe.APIConnectionError():
            reason = f"Stripe cannot be reached ({type(error.__cause__ or error).__name__}). Try again shortly."
        case stripe.InvalidRequestError():
            reason = f"Stripe refuses the request: {error.user_message}"
        case _:
            reason = f"Stripe answers with an error (status {error.http_status}). Try again shortly."
    return GatewayUnavailable(_with_request_id(reason, error))


def _with_request_id(reason: str, error: stripe.StripeError) -> str:
    return f"{reason} [{error.request_id}]" if error.request_id else reason


def _decline_code(error: stripe.CardError) -> str:
    decline_code = error.error.decline_code if error.error else None
    # We ignore generic_decline, because it says no more than the error code card_declined.
    if decline_code and decline_code != "generic_decline":
        return decline_code
    return error.code or "card_declined"


def _is_about_the_token(error: stripe.InvalidRequestError) -> bool:
    code, param, message = error.code or "", error.param or "", error.user_message or ""
    return (
        # The only object that a charge request refers to is the token. So if Stripe cannot find an object, it is the
        # token.
        code == "resource_missing"
        or code.startswith(("token_", "payment_method_unexpected", "payment_method_unactivated"))
        or param == "payment_method"
        or param.startswith(("payment_method_data", "token"))
        # The error for a token that was used before has no code and no param, so we look at its message.
        or message.startswith("The provided PaymentMethod")
    )
