"""What payments needs of a card processor: charge, refund, and errors that tell what is known of the money.

The idempotency key is the payment's id. Whatever happened to the first call with it (answered, timed out, the process
died), a second one moves no more money and answers the same. So a payment whose outcome is unknown is settled by
asking again. Stripe forgets a key after 24 hours: ask again before that.
"""

from typing import NewType, Protocol

from common.domain.ids import PaymentId

ChargeId = NewType("ChargeId", str)
"""The processor's own name of a charge: what a refund needs, and what its dashboard is searched for."""

RefundId = NewType("RefundId", str)


class PaymentGateway(Protocol):
    """Where the money moves. An implementation is given its currency when it is made ("usd" by default)."""

    async def charge(self, *, payment_id: PaymentId, amount: int, token: str) -> ChargeId:
        """Take `amount` (in minor units: 1999 is 19.99) from the card that the token stands for.

        Called twice with one payment id it charges once and answers the same, a decline too: after a decline, the next
        try is a new payment.

        Raises CardDeclined, UnknownToken, GatewayUnavailable or IdempotencyConflict.
        """
        ...

    async def refund(self, *, payment_id: PaymentId, charge_id: ChargeId) -> RefundId:
        """Give the whole charge back; its idempotency key is "refund:<payment id>".

        Called twice it refunds once, and a charge that somebody has refunded by hand counts as done.

        Raises UnknownCharge, GatewayUnavailable or IdempotencyConflict.
        """
        ...

    async def close(self) -> None: ...


class CardDeclined(Exception):
    """Certain: nothing was charged, nor will be for this payment id.

    `reason` is a sentence for the buyer. `code` is Stripe's decline code (insufficient_funds), or its error code where
    there is no closer one (card_declined, expired_card). It is for our records: lost_card, stolen_card and fraudulent
    must not be told to whoever holds the card.
    """

    def __init__(self, reason: str, code: str) -> None:
        super().__init__(f"{reason} ({code})")
        self.reason = reason
        self.code = code


class UnknownToken(Exception):
    """Certain: nothing was charged. The token names no card, or one that cannot be used (again)."""

    def __init__(self, token: str) -> None:
        # Without the token: a confused client may have sent a card number, and messages end up in logs.
        super().__init__("The card token is unknown or has been used up.")
        self.token = token


class UnknownCharge(Exception):
    """Certain: nothing was refunded. This processor has made no such charge, so that asking again is of no use."""

    def __init__(self, charge_id: ChargeId) -> None:
        super().__init__(f"There is no charge {charge_id} to refund here. Was it made by another gateway or account?")
        self.charge_id = charge_id


class IdempotencyConflict(Exception):
    """A defect in the caller: it used one payment id for two different requests. The first one stands."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The idempotency key {key} was used before, for another amount, currency, token or charge.")
        self.key = key


class GatewayUnavailable(Exception):
    """Unknown: the money may or may not have moved. Asking again with the same payment id is safe, and settles it.

    `reason` is for the operator, and tells what to do where something can be done.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
