"""A card processor for development and tests. It moves no money and needs no account.

The sandbox knows many of Stripe's test tokens. For these tokens, it gives the same answers as Stripe.
"""

import asyncio
import secrets
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from pymongo.errors import DuplicateKeyError, PyMongoError

from common.domain.ids import PaymentId
from common.http.money import CURRENCY
from common.storage.collection import Collection
from common.storage.document_reader import DocumentReader
from payments.gateway.protocol import (
    CardDeclined,
    ChargeId,
    GatewayUnavailable,
    IdempotencyConflict,
    RefundId,
    UnknownCharge,
    UnknownToken,
)
from payments.gateway.sandbox_cards import APPROVED_TOKENS, DECLINED_TOKENS, NO_ANSWER, SLOW, SLOW_SECONDS


class _Charged(BaseModel):
    charge_id: ChargeId


class _Declined(BaseModel):
    reason: str
    code: str


class _Refunded(BaseModel):
    refund_id: RefundId


class _Charge(BaseModel):
    request: dict[str, Any]
    outcome: _Charged | _Declined


class _Refund(BaseModel):
    request: dict[str, Any]
    outcome: _Refunded


R = TypeVar("R", _Charge, _Refund)
"""A request and its outcome, as the sandbox stores them with the idempotency key of the request."""


class SandboxGateway:
    """A card processor that moves no money. It stores the result for each idempotency key in MongoDB.

    If a request is repeated with the same key, the sandbox returns the stored result and makes no second charge. The
    sandbox stores no state in memory, so that several processes can share the state in the database.
    """

    def __init__(self, charges: Collection, refunds: Collection, *, currency: str = CURRENCY) -> None:
        self._charges = _Results(charges, _Charge)
        self._refunds = _Results(refunds, _Refund)
        self._currency = currency

    async def charge(self, *, payment_id: PaymentId, amount: int, token: str) -> ChargeId:
        decline = DECLINED_TOKENS.get(token)
        if decline is None and token not in APPROVED_TOKENS:
            # With an unknown token, the request is invalid. Stripe does not store the idempotency key (`payment_id`) of
            # an invalid request, so the sandbox also does not store it. But if an earlier valid request has used the
            # same key, that request had another token. So the caller gets the error IdempotencyConflict, as always when
            # two different requests have the same key.
            if await self._charges.find(payment_id):
                raise IdempotencyConflict(payment_id)
            raise UnknownToken(token, " The test cards are listed at /api/docs/payments.")
        outcome = (
            _Declined(reason=decline.reason, code=decline.code)
            if decline
            else _Charged(charge_id=ChargeId(_new_id("ch")))
        )
        if token == SLOW:
            await asyncio.sleep(SLOW_SECONDS)
        request = {"amount": amount, "currency": self._currency, "token": token}
        new = _Charge(request=request, outcome=outcome)
        charge = await self._charges.first(payment_id, new)
        if token == NO_ANSWER and charge is new:
            raise GatewayUnavailable("The sandbox has charged this card, but does not say so.")
        if isinstance(charge.outcome, _Declined):
            raise CardDeclined(charge.outcome.reason, charge.outcome.code)
        return charge.outcome.charge_id

    async def refund(self, *, payment_id: PaymentId, charge_id: ChargeId) -> RefundId:
        charge = await self._charges.find(payment_id)
        if charge is None or charge.outcome != _Charged(charge_id=charge_id):
            raise UnknownCharge(charge_id)
        new = _Refund(request={"charge_id": charge_id}, outcome=_Refunded(refund_id=RefundId(_new_id("re"))))
        refund = await self._refunds.first(f"refund:{payment_id}", new)
        return refund.outcome.refund_id

    async def close(self) -> None:
        """Do nothing. The code that opened the connection to the database also closes it."""


def _new_id(kind: str) -> str:
    return f"{kind}_sandbox_{secrets.token_hex(12)}"


class _Results(Generic[R]):
    """A collection that stores the first request with each idempotency key, and the outcome of this request."""

    def __init__(self, collection: Collection, result: type[R]) -> None:
        self._collection = collection
        self._documents: DocumentReader[R] = DocumentReader(collection.name, result.model_validate)

    async def find(self, key: str) -> R | None:
        """Return the stored result for this key, or None. Raises UnreadableDocument or GatewayUnavailable."""
        try:
            document = await self._collection.find_one({"_id": key})
        except PyMongoError as error:
            raise _unavailable(error) from error
        return self._documents.read(document) if document else None

    async def first(self, key: str, result: R) -> R:
        """Store the result of a request with its key, and return this result.

        If a result is already stored with this key, change nothing and return the stored result. Raises
        IdempotencyConflict if the stored result belongs to a different request.

        We insert first, and read only if the insert fails. If several calls with the same key run at the same time,
        even in several processes, MongoDB accepts exactly one of their inserts. The other calls then read the stored
        result.
        """
        try:
            await self._collection.insert_one({"_id": key, **result.model_dump()})
        except DuplicateKeyError:
            first = await self.find(key)
        except PyMongoError as error:
            raise _unavailable(error) from error
        else:
            return result
        if first is None:
            raise GatewayUnavailable("The sandbox's collections are being emptied. Try again.")
        if first.request != result.request:
            raise IdempotencyConflict(key)
        return first


def _unavailable(error: PyMongoError) -> GatewayUnavailable:
    return GatewayUnavailable(f"The sandbox's database does not answer ({type(error).__name__}). Try again shortly.")
