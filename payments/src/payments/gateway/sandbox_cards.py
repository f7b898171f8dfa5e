"""The test cards of Stripe that the sandbox knows. Source: https://docs.stripe.com/testing#cards."""

from typing import NamedTuple


class Decline(NamedTuple):
    code: str
    reason: str


_APPROVED = (
    *("visa", "visa_debit", "mastercard", "mastercard_debit", "mastercard_prepaid"),
    *("amex", "discover", "diners", "jcb", "unionpay"),
)

SLOW = "pm_card_sandbox_slow"
"""A card of the sandbox only: its charge takes 2.5 s."""
NO_ANSWER = "pm_card_sandbox_noAnswer"
"""A card of the sandbox only: it is charged, but the answer is lost. A repeated request gets the answer."""
SLOW_SECONDS = 2.5

_DECLINED = "Your card was declined."

_DECLINES = {
    "chargeDeclined": Decline("card_declined", _DECLINED),
    "chargeDeclinedInsufficientFunds": Decline("insufficient_funds", "Your card has insufficient funds."),
    "chargeDeclinedLostCard": Decline("lost_card", _DECLINED),
    "chargeDeclinedStolenCard": Decline("stolen_card", _DECLINED),
    "chargeDeclinedFraudulent": Decline("fraudulent", _DECLINED),
    "chargeDeclinedExpiredCard": Decline("expired_card", "Your card has expired."),
    "chargeDeclinedIncorrectCvc": Decline("incorrect_cvc", "Your card's security code is incorrect."),
    "chargeDeclinedProcessingError": Decline(
        "processing_error", "An error occurred while processing your card. Try again in a little bit."
    ),
    "chargeDeclinedVelocityLimitExceeded": Decline(
        "card_velocity_exceeded",
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    ),
    "chargeCustomerFail": Decline("card_declined", _DECLINED),
    "radarBlock": Decline("fraudulent", _DECLINED),
    "authenticationRequired": Decline(
        "authentication_required", "Your card was declined. This transaction requires authentication."
    ),
}


def _tokens(card: str) -> list[str]:
    # In Stripe's documentation, some names of declined cards begin with "visa_charge" and others with "charge". The
    # sandbox accepts each of these names in both forms.
    names = [card, f"visa_{card}"] if card.startswith("charge") else [card]
    return [prefix + name for name in names for prefix in ("pm_card_", "tok_")]


APPROVED_TOKENS = frozenset({SLOW, NO_ANSWER, *(token for card in _APPROVED for token in _tokens(card))})

DECLINED_TOKENS = {token: decline for card, decline in _DECLINES.items() for token in _tokens(card)}


def describe_cards() -> str:
    """Return a text (Markdown) that lists the cards, for the documentation of the API."""
    rows = [
        *((f"pm_card_{card}", "accepted") for card in _APPROVED),
        (SLOW, f"accepted after {SLOW_SECONDS:g} s"),
        (NO_ANSWER, "charged, but the first answer is lost: 503, or the header `Idempotency-Key` repeats it"),
        *((f"pm_card_{card}", f"declined: {decline.code}") for card, decline in _DECLINES.items()),
    ]
    lines = [f"| `{token}` | {what} |" for token, what in rows]
    return "\n".join(["| token | the card is |", "|---|---|", *lines])
