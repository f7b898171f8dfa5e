"""Stores the answers to requests that have the header Idempotency-Key.

If a client sends a request again with the same key after the first request was answered, the service does not process
the second request. The client gets the stored answer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from fastapi import Response
from pydantic import AwareDatetime, BaseModel
from pymongo.errors import DuplicateKeyError, PyMongoError

from common.domain.clock import Clock, is_within
from common.domain.errors import KeyReused
from common.http.errors import HttpError
from common.storage.availability import as_unavailable
from common.storage.collection import Collection, Document
from common.storage.document_reader import DocumentReader

log = structlog.get_logger()

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEPT_FOR = timedelta(hours=48)
"""The service stores the answer to a request with an Idempotency-Key for this time.

The time begins when the service begins to process the request. After this time, MongoDB deletes the answer. MongoDB
searches for old answers about once a minute, so an answer may stay a little longer. It is never deleted earlier. The
documentation for clients promises only 24 hours.
"""

_ABANDONED_AFTER = timedelta(seconds=10)
"""How long the service refuses other requests with the same Idempotency-Key while the first request has no answer.

The time begins when the service begins to process the first request. After this time, the service assumes that the
first request was abandoned, for example because its process died. Then it processes the next request with this key. So
this time must be longer than the time limit of each request (see MAX_SECONDS in common.http.middleware).
"""
_ANY_BODY = None
"""If a stored fingerprint has this value, the next request with the same Idempotency-Key may have any body.

A fingerprint is the hash of a request's body. The service stores the fingerprint of each request, and usually refuses
another request with the same key but another fingerprint. If a request was malformed, the service replaces its stored
fingerprint by this value. Then the client can correct the body and send it with the same key. The service does this
only if no request with this key can have changed anything (see `Claim.fresh`).
"""


class RequestInFlight(HttpError):
    """The first request with this Idempotency-Key has not been answered yet. Try again shortly."""

    status = 409
    code = "request-in-flight"
    title = "The first request is still being processed"


@dataclass(frozen=True)
class Claim:
    """The right to process a request with an Idempotency-Key. Only one request at a time has the claim for a key."""

    request_id: str
    begun_at: datetime
    fresh: bool
    """True if no earlier request with this key can have changed anything.

    This is also the case if all earlier requests with this key were malformed. False if an earlier request with this
    key failed in another way, for example because its process died. That request may have changed something.
    """


class _StoredAnswer(BaseModel):
    status: int
    body: str
    type: str | None

    def as_response(self) -> Response:
        return Response(self.body, self.status, {REPLAYED: "true"}, self.type or "application/json")


class _StoredRequest(BaseModel):
    fingerprint: str | None
    begun_at: AwareDatetime
    answer: _StoredAnswer | None


class IdempotentRequests:
    def __init__(self, collection: Collection, clock: Clock) -> None:
        self.collection = collection
        self.clock = clock
        self._documents = DocumentReader(collection.name, _StoredRequest.model_validate)

    async def create_indexes(self) -> None:
        await self.collection.create_index("begun_at", expireAfterSeconds=int(KEPT_FOR.total_seconds()))

    async def begin(self, request_id: str, fingerprint: str) -> Claim | Response:
        """Decide what the caller must do with a request that has an Idempotency-Key.

        `request_id` consists of the user, the route and the key. `fingerprint` is the hash of the request's body. The
        result depends on the last earlier request with the same `request_id`:

        - It had another body: raise KeyReused. If it was malformed, another body is usually allowed (see _ANY_BODY).
        - It was answered: return the stored answer. The caller sends this answer to the client.
        - It is being processed: raise RequestInFlight.
        - It has failed, or has no answer 10 seconds after its call of `begin`: return a claim.
        - There was no earlier request: return a claim.
        - The stored request cannot be read: raise UnreadableDocument.

        A claim is the right to process the request. A caller that gets a claim must process the request. Then it calls
        `keep` with the answer, or `abandon` if the request has failed.
        """
        now = self.clock()
        first: Document = {"_id": request_id, "fingerprint": fingerprint, "begun_at": now, "answer": None}
        try:
            await self.collection.insert_one(first)
        except DuplicateKeyError:
            document = await self.collection.find_one({"_id": request_id}) or first
        else:
            return Claim(request_id, now, fresh=True)
        found = self._documents.read(document)
        if found.fingerprint not in {_ANY_BODY, fingerprint}:
            raise KeyReused("This Idempotency-Key came with another body before. Use a new key.", argument=HEADER)
        if found.answer is not None:
            return found.answer.as_response()
        if not is_within(_ABANDONED_AFTER, found.begun_at, now):
            ours = {"$set": {"begun_at": now, "fingerprint": fingerprint}}
            taken_over = await self.collection.update_one(document, ours)
            if taken_over.matched_count:
                return Claim(request_id, now, fresh=found.fingerprint is _ANY_BODY)
        raise RequestInFlight("The first request with this Idempotency-Key has not been answered yet.", field=HEADER)

    async def keep(self, claim: Claim, response: Response) -> None:
        """Store the answer `response`, so that later requests with the same key get the same answer."""
        answer = _StoredAnswer(
            status=response.status_code, body=bytes(response.body).decode(), type=response.media_type
        )
        await self.collection.update_one(_still(claim), {"$set": {"answer": answer.model_dump()}})

    async def abandon(self, claim: Claim, *, understood: bool) -> None:
        """End the claim (the right to process the request) without an answer, because the request has failed.

        The next request with the same Idempotency-Key is then processed. Normally it must have the same body, like all
        requests with the same key. There is one exception. If `understood` is False, the failed request was malformed,
        so it has changed nothing. Then the next request may have another body. But this is not allowed if an earlier
        request with this key may have changed something (see `Claim.fresh`).

        If the database does not answer, this method cannot end the claim. Then the service refuses all requests with
        the same key until the claim is 10 seconds old. The next request after this time gets the claim.
        """
        given_up: Document = {"begun_at": claim.begun_at - 2 * _ABANDONED_AFTER}
        if claim.fresh and not understood:
            given_up["fingerprint"] = _ANY_BODY
        try:
            await self.collection.update_one(_still(claim), {"$set": given_up})
        except PyMongoError as error:
            # We do not raise this error, because the client must get the error that made the request fail.
            if not as_unavailable(error):
                log.exception("claim not given up")


def _still(claim: Claim) -> Document:
    """Return a filter that finds the stored request only if `claim` is still valid.

    If another request has got the claim in the meantime, it has changed `begun_at`. Then the filter finds nothing.
    """
    return {"_id": claim.request_id, "begun_at": claim.begun_at}
