"""Stores the answers of requests that came with an Idempotency-Key, and lets one request per key make the answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from fastapi import Response
from pymongo.errors import DuplicateKeyError, PyMongoError

from common.domain.clock import Clock
from common.http.errors import HttpError
from common.storage.availability import as_unavailable
from common.storage.collection import Collection, Document

log = structlog.get_logger()

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEPT_FOR = timedelta(hours=48)
"""The API promises 24 hours. MongoDB deletes expired documents some time later, but never early."""

_ABANDONED_AFTER = timedelta(seconds=10)
"""Longer than a request may take (common.http.middleware): the process that worked on the request has died."""
_ANY_BODY = None
"""The fingerprint of a malformed request. It began nothing, so the next request with the key may have another body."""


class KeyReused(HttpError):
    """The same Idempotency-Key came with another body before. Use a new key for a new request."""

    status = 422
    code = "idempotency-key-reused"
    title = "This key belongs to another request"


class RequestInFlight(HttpError):
    """The first request with this Idempotency-Key has not been answered yet. Try again shortly."""

    status = 409
    code = "request-in-flight"
    title = "The first request is still being processed"


@dataclass(frozen=True)
class Claim:
    """The right to make the answer for a key."""

    request_id: str
    begun_at: datetime
    fresh: bool
    """No earlier request can have begun anything under the key."""


@dataclass(frozen=True)
class IdempotentRequests:
    collection: Collection
    clock: Clock

    async def create_indexes(self) -> None:
        await self.collection.create_index("begun_at", expireAfterSeconds=int(KEPT_FOR.total_seconds()))

    async def begin(self, request_id: str, fingerprint: str) -> Claim | Response:
        """Return the first answer if there is one, else a claim to make it. Raises KeyReused, RequestInFlight."""
        now = self.clock()
        first: Document = {"_id": request_id, "fingerprint": fingerprint, "begun_at": now, "answer": None}
        try:
            await self.collection.insert_one(first)
        except DuplicateKeyError:
            found = await self.collection.find_one({"_id": request_id}) or first
        else:
            return Claim(request_id, now, fresh=True)
        if found["fingerprint"] not in {_ANY_BODY, fingerprint}:
            raise KeyReused("This Idempotency-Key came with another body before. Use a new key.", field=HEADER)
        if found["answer"] is not None:
            return _answer(found["answer"])
        if found["begun_at"] < now - _ABANDONED_AFTER:
            ours = {"$set": {"begun_at": now, "fingerprint": fingerprint}}
            taken_over = await self.collection.update_one(found, ours)
            if taken_over.matched_count:
                return Claim(request_id, now, fresh=found["fingerprint"] is _ANY_BODY)
        raise RequestInFlight("The first request with this Idempotency-Key has not been answered yet.", field=HEADER)

    async def keep(self, claim: Claim, response: Response) -> None:
        """Store the answer for the next requests with the key."""
        answer = {"status": response.status_code, "body": bytes(response.body).decode(), "type": response.media_type}
        await self.collection.update_one(_still(claim), {"$set": {"answer": answer}})

    async def abandon(self, claim: Claim, *, understood: bool) -> None:
        """Give the claim up: the request has no answer to keep, and the next request with the key starts again.

        If the database does not answer, the claim stays, and a later request takes it over when it is old enough.
        """
        given_up: Document = {"begun_at": claim.begun_at - 2 * _ABANDONED_AFTER}
        if claim.fresh and not understood:
            given_up["fingerprint"] = _ANY_BODY
        try:
            await self.collection.update_one(_still(claim), {"$set": given_up})
        except PyMongoError as error:
            if not as_unavailable(error):  # not raised: the client receives the error of the request itself
                log.exception("claim not given up")


def _still(claim: Claim) -> Document:
    """Matches only as long as no other request has taken the claim over."""
    return {"_id": claim.request_id, "begun_at": claim.begun_at}


def _answer(kept: dict[str, Any]) -> Response:
    return Response(kept["body"], kept["status"], {REPLAYED: "true"}, kept["type"] or "application/json")
