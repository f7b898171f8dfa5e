"""The middleware around every request: it continues the trace, and limits the size of the body and the time."""

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
MAX_SECONDS = 4.5
TRACE_ID_HEADER = "X-Correlation-Id"

_HAVE_BODIES = {"POST", "PUT", "PATCH"}
_TOO_LARGE = f"Send at most {MAX_BODY_BYTES // 1024} KiB."


class RequestBounds:
    """Continues the trace of a request, limits its body and its time, and answers errors that no handler answered.

    Plain ASGI: Starlette's BaseHTTPMiddleware starts a task per request, and context variables do not cross it.
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

        async def send_with_trace_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)[TRACE_ID_HEADER] = current_trace_id() or ""
            await send(message)

        try:
            async with asyncio.timeout(MAX_SECONDS) as bound:
                _check_headers(scope["method"], headers)
                await self._app(scope, _limited(receive), send_with_trace_id)
        except (DomainError, HttpError) as problem:
            await problem_response(problem)(scope, receive, send_with_trace_id)
        except Exception as defect:  # any other error is answered and logged here, inside the trace
            if started:
                raise
            # An operation that is cancelled while it waits for a connection ends with an error of PyMongo's own ("Lock
            # is not acquired"). So the bound decides whether the time was over, not only the type of the error.
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
    """Count the bytes of the body as they arrive: a body in chunks does not declare its length."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                # Of the exceptions raised while FastAPI reads a body, it passes on only this one. Others become a 400.
                raise HTTPException(BodyTooLarge.status, _TOO_LARGE)
        return message

    return limited
