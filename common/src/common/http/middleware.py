"""The middleware that is called for every request.

The middleware continues the trace that the header `traceparent` names. It also limits the size of the request's body
and the time until the answer. And it answers HEAD wherever a route answers GET.
"""

import asyncio

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.domain.errors import DependencyUnavailable, DomainError
from common.events.tracing import continue_trace, current_trace_id
from common.http.errors import BodyTooLarge, HttpError, NotJson
from common.http.problems import defect_response, problem_response

log = structlog.get_logger()

MAX_BODY_BYTES = 64 * 1024
MAX_SECONDS = 4.0
"""We promise an answer within 5 s. The limit leaves one second to a process that is busy."""

TRACE_ID_HEADER = "X-Correlation-Id"
EVENT_STREAM = "text/event-stream"
"""The media type of server-sent events."""

_HAVE_BODIES = {"POST", "PUT", "PATCH"}
_TOO_LARGE = f"Send at most {MAX_BODY_BYTES // 1024} KiB."


class HeadAsGet:
    """Answers a HEAD request like the GET request with the same path, but without the body.

    The routes of FastAPI do not answer HEAD. If we added the method to each route, the OpenAPI document would contain
    each of these operations twice.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                # The answer ends here, and not at the end of the body. So a stream that never ends is closed at once.
                await send({"type": "http.response.body", "body": b""})

        await self._app({**scope, "method": "GET"}, receive, send_without_body)


class RequestBounds:
    """Continues the trace of a request, limits the size of the request's body, and limits the time until the answer.

    If an error occurs and no error handler of the application answers it, this middleware sends the answer.

    This class uses the ASGI interface directly, not Starlette's BaseHTTPMiddleware. BaseHTTPMiddleware would start a
    second task for each request. A context variable that is set in one of the two tasks may not be visible in the other
    task, and the current trace is stored in a context variable.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        with continue_trace(headers.get("traceparent"), cause=f"{scope['method']} {scope['path'][:200]}"):
            await self._bounded(scope, headers, receive, send)

    async def _bounded(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        started = False
        bound = asyncio.timeout(MAX_SECONDS)

        async def send_with_trace_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                response_headers = MutableHeaders(scope=message)
                response_headers[TRACE_ID_HEADER] = current_trace_id() or ""
                if response_headers.get("content-type", "").startswith(EVENT_STREAM):
                    bound.reschedule(None)  # server-sent events have no end, so this answer has no time limit
            await send(message)

        try:
            async with bound:
                _check_headers(scope["method"], headers)
                await self._app(scope, _limited(receive), send_with_trace_id)
        except (DomainError, HttpError) as problem:
            await problem_response(problem)(scope, receive, send_with_trace_id)
        # We catch all other errors here, not in an error handler of FastAPI. FastAPI would call its handler only after
        # the trace has ended. Here the trace is still active, so the log line about the error contains the trace id.
        except Exception as defect:
            if started:
                raise
            # At the time limit, the request is cancelled. A library may turn this into an error of its own instead of
            # TimeoutError. So we also ask `bound` if the time is over.
            over = bound.expired() or isinstance(defect, TimeoutError)
            answer = _took_too_long(scope) if over else defect_response(Request(scope), defect)
            await answer(scope, receive, send_with_trace_id)


def _took_too_long(scope: Scope) -> Response:
    log.warning("request took too long", method=scope["method"], path=scope["path"][:200])
    return problem_response(
        DependencyUnavailable("This took too long. It is not known whether it was done: check before you try again.")
    )


def _check_headers(method: str, headers: Headers) -> None:
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > MAX_BODY_BYTES:
        raise BodyTooLarge(_TOO_LARGE)
    has_body = length != "0" or "transfer-encoding" in headers
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if method in _HAVE_BODIES and has_body and content_type != "application/json":
        raise NotJson("Send a JSON body with the header Content-Type: application/json.")


def _limited(receive: Receive) -> Receive:
    """Return a function that receives the body and raises an error if the body is too large.

    The returned function counts the bytes when they arrive, because a body that is sent in chunks has no header
    Content-Length.
    """
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                # FastAPI calls this function while it reads the body. If we raise HTTPException, FastAPI does not
                # change the status. For any other exception, FastAPI would answer 400.
                raise HTTPException(BodyTooLarge.status, _TOO_LARGE)
        return message

    return limited
