"""Routes that support the header Idempotency-Key.

If a client sends a request again with the same key, the service does not process the second request. It sends the
answer to the first request again.

The routes follow the IETF draft "The Idempotency-Key HTTP Header Field". Two mechanisms work together:

- The store of answers (idempotent_requests.py) refuses a second request with the same key while the first request is
  being processed. After this, the store returns the answer of the first request to each later request.
- The aggregate (for example the order) stores the RequestKey of the request that created it, and a unique index allows
  only one aggregate per key. We need this because the process can die after it has stored the aggregate and before it
  has stored the answer. Then the next request with the same key finds the existing order and does not create another
  one. The store deletes each answer after 48 hours. The aggregate still knows then which request has used the key.
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
from common.domain.requested import RequestKey
from common.http.authentication import user_of
from common.http.dependencies import dependencies_of
from common.http.errors import HttpError, MalformedRequest, status_of
from common.http.idempotent_requests import HEADER
from common.http.problems import problem_response

_LONGEST_KEY = 255
_SERVER_ERRORS = 500
_NOT_UNDERSTOOD = (RequestValidationError, HTTPException, MalformedRequest)


def key_of(headers: Sequence[str]) -> str:
    """Return the key in the header Idempotency-Key, without quotes.

    The IETF draft of this header requires quotes around the key, but we also accept a key without quotes.

    Raises MalformedRequest if the header was sent more than once, or if the key is not valid.
    """
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
) -> RequestKey | None:
    return getattr(request.state, "request_key", None)


CurrentRequestKey = Annotated[RequestKey | None, Depends(_request_key)]
"""The type of a parameter of an IdempotentRoute. The parameter receives the RequestKey of the request.

The use case must store this value in the aggregate that it creates, for example in the order. Then it can find the
aggregate if the client sends the request again. The value is None if the request has no Idempotency-Key.
"""


class IdempotentRoute(APIRoute):
    """A route that processes a request with an Idempotency-Key only once.

    The route stores the answer and sends it again if the same request comes again. But the process can die after the
    use case has created an aggregate (for example an order) and before the answer is stored. So the use case must store
    the RequestKey in the aggregate. A later request with this key must get this aggregate if it is a copy of the first
    request, and be refused if it is another request. RequestedRepository.find_by_request does this.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def answer_once(request: Request) -> Response:
            headers = request.headers.getlist(HEADER)
            user = await user_of(request) if headers else None
            if user is None:
                # Without the header, we process the request as usual. If the request has the header but no valid token,
                # we also call the route, which then answers 401.
                return await answer(request)
            key = key_of(headers)
            request_id = f"{user.id}:{request.method} {self.path}:{key}"
            fingerprint = hashlib.sha256(await request.body()).hexdigest()
            request.state.request_key = RequestKey(f"{user.id}:{key}", fingerprint)
            requests = dependencies_of(request).idempotent_requests
            assert requests is not None  # noqa: S101 - it is None only if the service's main.py has a mistake
            claim = await requests.begin(request_id, fingerprint)
            if isinstance(claim, Response):
                return claim
            try:
                response = await _answered(answer, request)
            except Exception as failure:
                # If the request has reached its time limit, one of its database operations may still be running. So
                # we do not end its claim (its right to be processed) now. Otherwise a second request with the same key
                # could run at the same time. The service refuses such requests until the claim is 10 seconds old.
                if not _has_timed_out():
                    understood = not isinstance(failure, _NOT_UNDERSTOOD)
                    await asyncio.shield(requests.abandon(claim, understood=understood))
                raise
            await requests.keep(claim, response)
            return response

        return answer_once


def _has_timed_out() -> bool:
    """Return True if the current task, which processes the request, was cancelled.

    The caller has caught an exception and calls this function to learn whether the task was cancelled. The middleware
    cancels the task when the request has reached its time limit. uvicorn cancels the task if the server stops and the
    request does not end in time.

    The type of the exception does not show this, because PyMongo may raise another exception than CancelledError when
    its task is cancelled (see common.http.middleware).
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _answered(answer: Callable[[Request], Coroutine[Any, Any, Response]], request: Request) -> Response:
    """Process the request and return the answer that must be stored.

    If a use case refuses the request, the refusal is also an answer that must be stored. If the service fails, or if
    the request is malformed, nothing must be stored, so that the client can send another request with the same
    Idempotency-Key. Then this function raises the error.
    """
    try:
        return await answer(request)
    except (DomainError, HttpError) as problem:
        if status_of(problem) >= _SERVER_ERRORS or isinstance(problem, MalformedRequest):
            raise
        return problem_response(problem)
