"""The interface of a card processor: charge, refund, and errors that say what is known of the money.

The idempotency key of a charge is the payment's id. If the first call was answered, timed out, or its process died, a
second call moves no more money and returns the same result. So when the outcome of a payment is unknown, call again.
The trap: Stripe forgets a key after 24 hours, so this must happen earlier.
"""

from typing import NewType, Protocol

from common.domain.ids import PaymentId

ChargeId = NewType("ChargeId", str)
"""The id that the processor gave to a charge. A refund needs it, and its dashboard can be searched for it."""

RefundId = NewType("RefundId", str)


class PaymentGateway(Protocol):
    """Moves money, in the currency that the constructor of an implementation receives ("usd" by default)."""

    async def charge(self, *, payment_id: PaymentId, amount: int, token: str) -> ChargeId:
        """Take `amount` (in minor units: 1999 is 19.99) from the card of this token.

        A second call with the same payment id charges nothing and has the same result, also after a decline. So the
        next attempt after a decline needs a new payment.

        Raises CardDeclined, UnknownToken, GatewayUnavailable or IdempotencyConflict.
        """
        ...

    async def refund(self, *, payment_id: PaymentId, charge_id: ChargeId) -> RefundId:
        """Give the whole charge back. The idempotency key is "refund:<payment id>".

        A second call refunds nothing and has the same result. If a person has refunded the charge in the dashboard,
        the call succeeds.

        Raises UnknownCharge, GatewayUnavailable or IdempotencyConflict.
        """
        ...

    async def close(self) -> None: ...


class CardDeclined(Exception):
    """Nothing was charged, and nothing will be charged for this payment id.

    `reason` is a sentence for the buyer. `code` is Stripe's decline code (insufficient_funds) or, without one, its
    error code (card_declined, expired_card). The code is for our records. Never show it to the buyer, who may have
    stolen the card: lost_card, stolen_card and fraudulent are secret.
    """

    def __init__(self, reason: str, code: str) -> None:
        super().__init__(f"{reason} ({code})")
        self.reason = reason
        self.code = code


class UnknownToken(Exception):
    """Nothing was charged. The token names no card, or it cannot be used (again)."""

    def __init__(self, token: str) -> None:
        # The message does not contain the token: a client may have sent a card number, and messages are logged.
        super().__init__("The card token is unknown or has been used up.")
        self.token = token


class UnknownCharge(Exception):
    """Nothing was refunded. This processor has made no such charge, so calling again cannot help."""

    def __init__(self, charge_id: ChargeId) -> None:
        super().__init__(f"There is no charge {charge_id} to refund here. Was it made by another gateway or account?")
        self.charge_id = charge_id


class IdempotencyConflict(Exception):
    """A defect in the caller: it used one payment id for two different requests. The first request stays valid."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The idempotency key {key} was used before, for another amount, currency, token or charge.")
        self.key = key


class GatewayUnavailable(Exception):
    """It is unknown whether money has moved. Calling again with the same payment id is safe, and finds it out.

    `reason` is for the operator. It says what to do, if the operator can do something.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
