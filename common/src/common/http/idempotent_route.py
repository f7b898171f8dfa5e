"""Routes that honour the Idempotency-Key header: a repeated request gets the first answer, and nothing happens twice.

They follow the IETF draft "The Idempotency-Key HTTP Header Field". Two mechanisms work together. The store of answers
(idempotent_requests.py) refuses a second request while the first is being processed. And the aggregate stores the key
of its request under a unique index. The second one covers the moment between the change and the storing of its answer:
if the process dies there, the next request with the key finds the order that exists and places no other.
"""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from common.domain.errors import DomainError
from common.http.authentication import user_of
from common.http.dependencies import dependencies_of
from common.http.errors import HttpError, MalformedRequest, status_of
from common.http.idempotent_requests import HEADER
from common.http.problems import problem_response

_LONGEST_KEY = 255
_SERVER_ERRORS = 500
_NOT_UNDERSTOOD = (RequestValidationError, HTTPException, MalformedRequest)


def key_of(headers: Sequence[str]) -> str:
    """The key, with or without the quotes that the draft asks for. Raises MalformedRequest."""
    header, *more = headers
    if more:
        raise MalformedRequest("must be sent once", field=HEADER)
    quoted = len(header) > 1 and header.startswith('"') and header.endswith('"')
    key = header[1:-1] if quoted else header
    if not 0 < len(key) <= _LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise MalformedRequest(f"must be 1 to {_LONGEST_KEY} printable ASCII characters, such as a UUID", field=HEADER)
    return key


async def _request_key(
    request: Request,
    _for_the_documentation: Annotated[
        str | None,
        Header(alias=HEADER, description="Repeat a request with the same key, and it happens once. Kept for 24 h."),
    ] = None,
) -> str | None:
    return getattr(request.state, "request_key", None)


RequestKey = Annotated[str | None, Depends(_request_key)]
"""A parameter of an IdempotentRoute: the key under which the aggregate stores its request; None without the header."""


class IdempotentRoute(APIRoute):
    """The use case of such a route has to honour the RequestKey."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def answer_once(request: Request) -> Response:
            headers = request.headers.getlist(HEADER)
            user = await user_of(request) if headers else None
            if user is None:
                return await answer(request)  # without a user, the route itself answers 401
            key = key_of(headers)
            request.state.request_key = f"{user.id}:{key}"
            request_id = f"{user.id}:{request.method} {self.path}:{key}"
            fingerprint = hashlib.sha256(await request.body()).hexdigest()
            requests = dependencies_of(request).idempotent_requests
            assert requests is not None  # noqa: S101 - a mistake in the composition root
            claim = await requests.begin(request_id, fingerprint)
            if isinstance(claim, Response):
                return claim
            try:
                response = await _answered(answer, request)
            except Exception as failure:
                if not _has_timed_out():  # otherwise the operation that it began may still be running
                    understood = not isinstance(failure, _NOT_UNDERSTOOD)
                    await asyncio.shield(requests.abandon(claim, understood=understood))
                raise
            await requests.keep(claim, response)
            return response

        return answer_once


def _has_timed_out() -> bool:
    """The timeout of requests cancels the task. PyMongo may turn that into another error (common.http.middleware)."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _answered(answer: Callable[[Request], Coroutine[Any, Any, Response]], request: Request) -> Response:
    """The answer to keep. A refusal is one; a failure of the service or a malformed request raises its error."""
    try:
        return await answer(request)
    except (DomainError, HttpError) as problem:
        if status_of(problem) >= _SERVER_ERRORS or isinstance(problem, MalformedRequest):
            raise
        return problem_response(problem)
