"""A card processor in memory, which fails as the test asks."""

import asyncio
from dataclasses import dataclass, field

from common.domain.ids import PaymentId
from devkit.testing.eventually import eventually
from payments.gateway.protocol import (
    CardDeclined,
    ChargeId,
    GatewayUnavailable,
    IdempotencyConflict,
    RefundId,
    UnknownCharge,
    UnknownToken,
)


@dataclass
class FakeGateway:
    """Charges and refunds once per payment id, and refuses an id that is reused with other arguments, as a real one."""

    charges: dict[PaymentId, tuple[int, str]] = field(default_factory=dict)
    """Amount and token of each payment whose card was charged."""
    refunds: dict[PaymentId, int] = field(default_factory=dict)
    charges_asked: list[PaymentId] = field(default_factory=list)
    """Every call, also those that failed."""
    refunds_asked: list[PaymentId] = field(default_factory=list)

    declines: bool = False
    knows_tokens: bool = True
    unavailable: bool = False
    """It cannot be reached: charges and refunds fail."""
    loses_answers: bool = False
    """It charges, but the answer is lost."""
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is cleared, charges are made but not answered."""
    may_refund: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is cleared, refunds are neither made nor answered."""

    def __post_init__(self) -> None:
        self.may_answer.set()
        self.may_refund.set()

    @property
    def balance(self) -> int:
        """The money that was charged and not refunded."""
        return sum(amount for amount, _ in self.charges.values()) - sum(self.refunds.values())

    async def charge(self, *, payment_id: PaymentId, amount: int, token: str) -> ChargeId:
        self.charges_asked.append(payment_id)
        if self.unavailable:
            raise GatewayUnavailable("no connection")
        if not self.knows_tokens:
            raise UnknownToken(token)
        if self.declines:
            raise CardDeclined("Your card has insufficient funds.", "insufficient_funds")
        if self.charges.setdefault(payment_id, (amount, token)) != (amount, token):
            raise IdempotencyConflict(payment_id)
        await self.may_answer.wait()
        if self.loses_answers:
            raise GatewayUnavailable("the connection broke after the request was sent")
        return ChargeId(f"ch_{payment_id}")

    async def refund(self, *, payment_id: PaymentId, charge_id: ChargeId) -> RefundId:
        self.refunds_asked.append(payment_id)
        await self.may_refund.wait()
        if self.unavailable:
            raise GatewayUnavailable("no connection")
        if payment_id not in self.charges or charge_id != f"ch_{payment_id}":
            raise UnknownCharge(charge_id)
        self.refunds[payment_id] = self.charges[payment_id][0]
        return RefundId(f"re_{payment_id}")

    async def close(self) -> None:
        """Nothing to close."""

    async def eventually_charged(self) -> None:
        async def charges() -> int:
            return len(self.charges)

        await eventually(charges, what="a charge")

    async def eventually_asked_to_refund(self, *, times: int) -> None:
        async def asked() -> int:
            return len(self.refunds_asked)

        await eventually(asked, until=lambda seen: seen >= times, what=f"a refund asked for {times} times")
