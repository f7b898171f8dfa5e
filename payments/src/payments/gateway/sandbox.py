"""A card processor for development and tests. It moves no money and needs no account.

The sandbox knows many of Stripe's test tokens. For these tokens, it gives the same answers as Stripe.
"""

import secrets

from pymongo.errors import DuplicateKeyError, PyMongoError

from common.domain.ids import PaymentId
from common.storage.collection import Collection, Document
from payments.gateway.protocol import (
    CardDeclined,
    ChargeId,
    GatewayUnavailable,
    IdempotencyConflict,
    RefundId,
    UnknownCharge,
    UnknownToken,
)
from payments.gateway.sandbox_cards import APPROVED_TOKENS, DECLINED_TOKENS


class SandboxGateway:
    """A card processor that moves no money. It stores the result for each idempotency key in MongoDB.

    If a request is repeated with the same key, the sandbox returns the stored result and makes no second charge. The
    sandbox stores no state in memory, so that several processes can share the state in the database.
    """

    def __init__(self, charges: Collection, refunds: Collection, *, currency: str = "usd") -> None:
        self._charges = charges
        self._refunds = refunds
        self._currency = currency

    async def charge(self, *, payment_id: PaymentId, amount: int, token: str) -> ChargeId:
        decline = DECLINED_TOKENS.get(token)
        if decline is None and token not in APPROVED_TOKENS:
            # With an unknown token, the request is invalid. Stripe does not store the idempotency key (`payment_id`) of
            # an invalid request, so the sandbox also does not store it. But if an earlier valid request has used the
            # same key, that request had another token. So the caller gets the error IdempotencyConflict, as always when
            # two different requests have the same key.
            if await _find(self._charges, {"_id": payment_id}):
                raise IdempotencyConflict(payment_id)
            raise UnknownToken(token)
        outcome = await _first_outcome(
            self._charges,
            key=payment_id,
            request={"amount": amount, "currency": self._currency, "token": token},
            outcome=decline._asdict() if decline else {"charge_id": _new_id("ch")},
        )
        if "charge_id" not in outcome:
            raise CardDeclined(outcome["reason"], outcome["code"])
        return ChargeId(outcome["charge_id"])

    async def refund(self, *, payment_id: PaymentId, charge_id: ChargeId) -> RefundId:
        charge = await _find(self._charges, {"_id": payment_id})
        if charge is None or charge["outcome"].get("charge_id") != charge_id:
            raise UnknownCharge(charge_id)
        outcome = await _first_outcome(
            self._refunds,
            key=f"refund:{payment_id}",
            request={"charge_id": charge_id},
            outcome={"refund_id": _new_id("re")},
        )
        return RefundId(outcome["refund_id"])

    async def close(self) -> None:
        """Do nothing. The code that opened the connection to the database also closes it."""


def _new_id(kind: str) -> str:
    return f"{kind}_sandbox_{secrets.token_hex(12)}"


async def _first_outcome(collection: Collection, *, key: str, request: Document, outcome: Document) -> Document:
    """Store the outcome of a request with its key, and return this outcome.

    If an outcome is already stored with this key, change nothing and return the stored outcome. Raises
    IdempotencyConflict if the stored outcome belongs to a different request.

    We insert first, and read only if the insert fails. If several calls with the same key run at the same time, even in
    several processes, MongoDB accepts exactly one of their inserts. The other calls then read the stored outcome.
    """
    try:
        await collection.insert_one({"_id": key, "request": request, "outcome": outcome})
    except DuplicateKeyError:
        first = await _find(collection, {"_id": key})
    except PyMongoError as error:
        raise _unavailable(error) from error
    else:
        return outcome
    if first is None:
        raise GatewayUnavailable("The sandbox's collections are being emptied. Try again.")
    if first["request"] != request:
        raise IdempotencyConflict(key)
    first_outcome: Document = first["outcome"]
    return first_outcome


async def _find(collection: Collection, query: Document) -> Document | None:
    try:
        return await collection.find_one(query)
    except PyMongoError as error:
        raise _unavailable(error) from error


def _unavailable(error: PyMongoError) -> GatewayUnavailable:
    return GatewayUnavailable(f"The sandbox's database does not answer ({type(error).__name__}). Try again shortly.")
