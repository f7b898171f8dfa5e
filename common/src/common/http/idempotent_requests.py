"""Stores the answers to requests that have an Idempotency-Key.

Only one request per key is processed. Later requests with the same key get the stored answer.
"""

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
"""The service stores an answer for this time. The API promises only 24 hours.

MongoDB deletes expired documents with some delay, but never too early.
"""

_ABANDONED_AFTER = timedelta(seconds=10)
"""After this time without an answer, we know that the process that worked on the request has died.

This time must be longer than the time that a request may take (see MAX_SECONDS in common.http.middleware).
"""
_ANY_BODY = None
"""This value replaces the fingerprint of a malformed request.

A malformed request has changed nothing, so the next request with the same key may have another body.
"""


class KeyReused(HttpError):
    """An earlier request had the same Idempotency-Key but another body. Use a new key for a new request."""

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
    """The request that has the claim of a key is the only one that may produce the answer for this key."""

    request_id: str
    begun_at: datetime
    fresh: bool
    """True if no earlier request with this key can have changed anything.

    False if an earlier request with this key may have changed something before its process died.
    """


@dataclass(frozen=True)
class IdempotentRequests:
    collection: Collection
    clock: Clock

    async def create_indexes(self) -> None:
        await self.collection.create_index("begun_at", expireAfterSeconds=int(KEPT_FOR.total_seconds()))

    async def begin(self, request_id: str, fingerprint: str) -> Claim | Response:
        """Return the stored answer if an earlier request with this key was answered. Otherwise return a claim.

        A caller who gets a claim must process the request and then call `keep` or `abandon`.

        Raises KeyReused if an earlier request had the same key but another body. Raises RequestInFlight if an earlier
        request with this key is still being processed.
        """
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
        """Store the answer `response`, so that later requests with the same key get the same answer."""
        answer = {"status": response.status_code, "body": bytes(response.body).decode(), "type": response.media_type}
        await self.collection.update_one(_still(claim), {"$set": {"answer": answer}})

    async def abandon(self, claim: Claim, *, understood: bool) -> None:
        """Give up the claim, because the request has failed and there is no answer to store.

        The next request with the same key is then processed like a first request. `understood` is False if the request
        was malformed. If the database does not answer, the claim cannot be removed now. In this case a later request
        takes over the claim when the claim is old enough.
        """
        given_up: Document = {"begun_at": claim.begun_at - 2 * _ABANDONED_AFTER}
        if claim.fresh and not understood:
            given_up["fingerprint"] = _ANY_BODY
        try:
            await self.collection.update_one(_still(claim), {"$set": given_up})
        except PyMongoError as error:
            if not as_unavailable(error):  # we do not raise it, so that the client gets the request's own error
                log.exception("claim not given up")


def _still(claim: Claim) -> Document:
    """Return a filter that finds the stored claim only if no other request has taken over the claim."""
    return {"_id": claim.request_id, "begun_at": claim.begun_at}


def _answer(kept: dict[str, Any]) -> Response:
    return Response(kept["body"], kept["status"], {REPLAYED: "true"}, kept["type"] or "application/json")
