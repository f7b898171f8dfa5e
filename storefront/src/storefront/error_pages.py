"""Shows errors as pages to people. Programs get the problem documents (RFC 9457) that all services answer with."""

import json
from http import HTTPStatus

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.http.authentication import user_of
from common.http.problems import MEDIA_TYPE
from storefront.rendering import Renderer
from storefront.seen import COOKIE, remembered

_ADVICE = {
    HTTPStatus.FORBIDDEN: "Are you signed in with another address?",
    HTTPStatus.NOT_FOUND: "The address may have a mistake.",
    HTTPStatus.SERVICE_UNAVAILABLE: "This page tries again by itself. Nothing is lost.",
}
_KINDS = {"/tickets/": "ticket", "/orders/": "order"}
"""What a person has asked for whose address begins so. Everything else is a page."""
_RETRY_SECONDS = "2"
_OF_THE_BODY = ("content-type", "content-length")


class ErrorPages:
    """Replaces each problem document by a page with its words, if the client accepts text/html, as browsers do.

    It is called before the middleware that answers timeouts and defects, so that people get a page for these, too.
    """

    def __init__(self, app: ASGIApp, renderer: Renderer) -> None:
        self._app = app
        self._renderer = renderer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "text/html" not in Headers(scope=scope).get("accept", ""):
            await self._app(scope, receive, send)
            return
        problem: Message | None = None
        body = b""

        async def send_page(message: Message) -> None:
            nonlocal problem, body
            if message["type"] == "http.response.start" and _is_problem(message):
                problem = message
            elif problem is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    page = await self._page(Request(scope), problem, body)
                    await page(scope, receive, send)

        await self._app(scope, receive, send_page)

    async def _page(self, request: Request, problem: Message, body: bytes) -> Response:
        status, headers = problem["status"], MutableHeaders(raw=list(problem["headers"]))
        for name in _OF_THE_BODY:
            del headers[name]
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers["refresh"] = _RETRY_SECONDS
            if cookie := remembered(request.cookies.get(COOKIE, "")):
                headers["set-cookie"] = cookie
        words = json.loads(body)
        if status == HTTPStatus.NOT_FOUND:
            words |= {"title": f"There is no such {_kind_of(request.url.path)}", "detail": ""}
        return self._renderer.page(
            "error.html",
            await user_of(request),
            status_code=status,
            headers=headers,
            is_late=False,
            problem=words,
            advice=_ADVICE.get(status, ""),
        )


def _kind_of(path: str) -> str:
    return next((kind for start, kind in _KINDS.items() if path.startswith(start)), "page")


def _is_problem(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "") == MEDIA_TYPE
