"""The interface `PaymentGateway` of a card processor, which can charge cards and refund charges.

The type of each error tells the caller whether money has moved. The type GatewayUnavailable means that nobody knows
this yet.

If a caller does not know whether a call has moved money, the caller must make the same call again. This is safe,
because each charge and each refund has an idempotency key, which contains the id of the payment. If the first call has
moved money, the card processor recognises the key of the second call, and moves no more money. The second call must
happen within 24 hours. After 24 hours, Stripe may forget the key, and would then charge the card a second time.
"""

from typing import NewType, Protocol

from common.domain.ids import PaymentId

ChargeId = NewType("ChargeId", str)
"""The id that the card processor gave to a charge.

A refund needs this id. People can also search for this id in the dashboard of the card processor.
"""

RefundId = NewType("RefundId", str)


class PaymentGateway(Protocol):
    """Charges cards and refunds charges.

    The constructor of each implementation receives the currency, which is common.http.money.CURRENCY by default.
    """

    async def charge(self, *, payment_id: PaymentId, amount: int, token: str) -> ChargeId:
        """Charge `amount` to the card that `token` identifies. The amount is in minor units (cents).

        If an earlier call with the same payment id has charged the card, this call charges nothing and returns the same
        charge id. If the earlier call was declined, this call is also declined. So after a decline, the buyer can only
        try again with a new payment, which has a new id.

        Raises CardDeclined, UnknownToken, GatewayUnavailable or IdempotencyConflict.
        """
        ...

    async def refund(self, *, payment_id: PaymentId, charge_id: ChargeId) -> RefundId:
        """Refund the whole amount of the charge. The idempotency key is "refund:<payment id>".

        If an earlier call has already refunded the charge, this call refunds nothing and returns the same refund id. If
        a person has already refunded the charge in the dashboard of the card processor, this call refunds nothing and
        succeeds.

        Raises RefundRefused, GatewayUnavailable or IdempotencyConflict.
        """
        ...

    async def close(self) -> None: ...


class CardDeclined(Exception):
    """The card was not charged, and it will never be charged for this payment id.

    `reason` is a sentence for the buyer. `code` is Stripe's decline code, such as insufficient_funds, or Stripe's error
    code, such as expired_card. We must never show the code to the buyer. If the buyer has stolen the card, a code such
    as stolen_card would tell the buyer that the bank knows about the theft.
    """

    def __init__(self, reason: str, code: str) -> None:
        super().__init__(f"{reason} ({code})")
        self.reason = reason
        self.code = code


class UnknownToken(Exception):
    """The card was not charged, because the token is not valid.

    For example, the card processor does not know the token, or somebody has already used the token.
    """

    def __init__(self, token: str, hint: str = "") -> None:
        # The message does not contain the token. A client may have sent a card number instead of a token, and the
        # message is written to the log.
        super().__init__(f"The card token is unknown or has been used up.{hint}")
        self.token = token


class RefundRefused(Exception):
    """Nothing was refunded, and the card processor will also refuse a repeated call. A person must look at the refund.

    For example, the buyer disputes the charge at the bank. The message is a text for this person.
    """


class UnknownCharge(RefundRefused):
    """The card processor does not know the charge."""

    def __init__(self, charge_id: ChargeId) -> None:
        super().__init__(f"There is no charge {charge_id} to refund here. Was it made by another gateway or account?")
        self.charge_id = charge_id


class IdempotencyConflict(Exception):
    """The caller used one payment id for two different requests. This is an error in the code of the caller.

    The second request moves no money. The result of the first request does not change.
    """

    def __init__(self, key: str) -> None:
        super().__init__(f"The idempotency key {key} was used before, for another amount, currency, token or charge.")
        self.key = key


class GatewayUnavailable(Exception):
    """Nobody knows yet if money has moved. To find this out, the caller can call again with the same payment id.

    A repeated call is safe for 24 hours. During this time, the card processor charges a card, or refunds a charge, only
    once per payment id.

    `reason` is a text for the operator. If the operator can do something, the text says what to do.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
