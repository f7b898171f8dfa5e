"""Idempotent requests: the same Idempotency-Key and body get the first answer again, and nothing happens twice.

Follows the IETF draft "The Idempotency-Key HTTP Header Field". Two things work together. This file keeps the answers,
and refuses a second request while the first is under way. The aggregate keeps the request's key under a unique index,
for the moment between the change and the keeping of its answer: a process that dies there leaves an order without an
answer, and the next request with the key finds that order instead of placing another.
"""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import structlog
from fastapi import Depends, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pymongo.errors import DuplicateKeyError, PyMongoError
from starlette.exceptions import HTTPException

from common.domain.clock import Clock
from common.domain.errors import DomainError, NotSignedIn
from common.http.authentication import SignedInUser, TokenVerifier, token_of
from common.http.errors import HttpError, MalformedRequest, status_of
from common.http.problems import problem_response
from common.storage.collection import Collection, Document
from common.storage.mongo import as_unavailable

log = structlog.get_logger()

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEPT_FOR = timedelta(hours=48)
"""Longer than the 24 hours that are promised, because MongoDB deletes in its own time but never early."""

_LONGEST = 255
_DIED_AFTER = timedelta(seconds=10)
"""Longer than a request may take (common.http.middleware)."""
_SERVER_ERRORS = 500
_NOT_UNDERSTOOD = (RequestValidationError, HTTPException, MalformedRequest)
_ANY_BODY = None
"""The fingerprint of a request that was not understood, so that nothing was begun: the next may have any."""


class KeyReused(HttpError):
    """The same Idempotency-Key came with another body before. Use a new key for a new request."""

    status = 422
    code = "idempotency-key-reused"
    title = "This key belongs to another request"


class RequestInFlight(HttpError):
    """The first request with this Idempotency-Key has not been answered yet. Try again shortly."""

    status = 409
    code = "request-in-flight"
    title = "The first request is still under way"


def key_of(headers: Sequence[str]) -> str:
    """Take it as the draft has it, a string in quotes, and bare as well. Raises MalformedRequest."""
    header, *more = headers
    if more:
        raise MalformedRequest("must be sent once", field=HEADER)
    quoted = len(header) > 1 and header.startswith('"') and header.endswith('"')
    key = header[1:-1] if quoted else header
    if not 0 < len(key) <= _LONGEST or not key.isascii() or not key.isprintable():
        raise MalformedRequest(f"must be 1 to {_LONGEST} printable ASCII characters, such as a UUID", field=HEADER)
    return key


async def _request_key(  # async, though it waits for nothing: see common.http.authentication
    request: Request,
    _for_the_documentation: Annotated[
        str | None,
        Header(alias=HEADER, description="Repeat a request with the same key, and it happens once. Kept for 24 h."),
    ] = None,
) -> str | None:
    return getattr(request.state, "request_key", None)


RequestKey = Annotated[str | None, Depends(_request_key)]
"""A parameter of an IdempotentRoute, which reads it: what the aggregate is to remember the request by; None without."""


@dataclass(frozen=True)
class Claim:
    """To be the request that makes the answer."""

    request_id: str
    begun_at: datetime
    fresh: bool
    """No request before this one can have begun anything under the key."""


@dataclass(frozen=True)
class IdempotentRequests:
    collection: Collection
    clock: Clock

    async def create_indexes(self) -> None:
        await self.collection.create_index("begun_at", expireAfterSeconds=int(KEPT_FOR.total_seconds()))

    async def begin(self, request_id: str, fingerprint: str) -> Claim | Response:
        """The first answer, if there is one; else a claim to make it. Raises KeyReused, RequestInFlight."""
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
        if found["begun_at"] < now - _DIED_AFTER:
            ours = {"$set": {"begun_at": now, "fingerprint": fingerprint}}
            taken_over = await self.collection.update_one(found, ours)
            if taken_over.matched_count:
                return Claim(request_id, now, fresh=found["fingerprint"] is _ANY_BODY)
        raise RequestInFlight("The first request with this Idempotency-Key has not been answered yet.", field=HEADER)

    async def keep(self, claim: Claim, response: Response) -> None:
        answer = {"status": response.status_code, "body": bytes(response.body).decode(), "type": response.media_type}
        await self.collection.update_one(_still(claim), {"$set": {"answer": answer}})

    async def abandon(self, claim: Claim, *, understood: bool) -> None:
        """It came to no answer that is worth keeping: the next request with the key is worked on afresh.

        If the database cannot be told, the claim stays, and is taken over when it is old enough.
        """
        given_up: Document = {"begun_at": claim.begun_at - 2 * _DIED_AFTER}
        if claim.fresh and not understood:
            given_up["fingerprint"] = _ANY_BODY
        try:
            await self.collection.update_one(_still(claim), {"$set": given_up})
        except PyMongoError as error:
            if not as_unavailable(error):  # the failure of the request itself is what the client is told
                log.exception("claim not given up")


def _still(claim: Claim) -> Document:
    return {"_id": claim.request_id, "begun_at": claim.begun_at}


class IdempotentRoute(APIRoute):
    """A route that honours the Idempotency-Key header. Its use case has to honour the RequestKey."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def answer_once(request: Request) -> Response:
            headers = request.headers.getlist(HEADER)
            user = await _user_of(request) if headers else None
            if user is None:
                return await answer(request)
            key = key_of(headers)
            request.state.request_key = f"{user.id}:{key}"
            request_id = f"{user.id}:{request.method} {self.path}:{key}"
            fingerprint = hashlib.sha256(await request.body()).hexdigest()
            requests: IdempotentRequests = request.app.state.idempotent_requests
            claim = await requests.begin(request_id, fingerprint)
            if isinstance(claim, Response):
                return claim
            try:
                response = await _answered(answer, request)
            except Exception as failure:
                if not _time_is_over():  # or what it began may still be under way
                    understood = not isinstance(failure, _NOT_UNDERSTOOD)
                    await asyncio.shield(requests.abandon(claim, understood=understood))
                raise
            await requests.keep(claim, response)
            return response

        return answer_once


def _time_is_over() -> bool:
    """Its bound cancels a request, of which PyMongo may make an error of its own (common.http.middleware)."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _answered(answer: Callable[[Request], Coroutine[Any, Any, Response]], request: Request) -> Response:
    """A refusal is an answer, too; a failure of ours, or a request that could not be understood, is none."""
    try:
        return await answer(request)
    except (DomainError, HttpError) as problem:
        if status_of(problem) >= _SERVER_ERRORS or isinstance(problem, MalformedRequest):
            raise
        return problem_response(problem)


async def _user_of(request: Request) -> SignedInUser | None:
    verifier: TokenVerifier = request.app.state.token_verifier
    try:
        return verifier.verify(await token_of(request) or "")
    except NotSignedIn:
        return None  # the route itself says so


def _answer(kept: dict[str, Any]) -> Response:
    return Response(kept["body"], kept["status"], {REPLAYED: "true"}, kept["type"] or "application/json")
