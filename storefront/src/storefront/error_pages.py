"""Shows errors as pages, because a person reads them.

The handlers of common.http.problems answer with a problem document (RFC 9457). Here, a page takes its words from this
document. The address of the pages and of the live changes is not part of the API.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from common.domain.errors import NotSignedIn
from common.http.authentication import user_of
from storefront.rendering import Renderer

_ADVICE = {
    403: "Are you signed in with another address?",
    404: "It may have been withdrawn, or the address has a mistake.",
    503: "This page tries again by itself. Nothing is lost.",
}
_PROBLEM = "application/problem+json"


def install_error_pages(app: FastAPI, renderer: Renderer) -> None:
    """Let every error handler of the application answer with a page. Call this after all handlers are installed."""
    for cause, handler in list(app.exception_handlers.items()):
        app.exception_handlers[cause] = _as_page(handler, renderer)


def _as_page(handler: Callable[..., Any], renderer: Renderer) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        response: Response = await handler(request, error)
        if response.media_type != _PROBLEM or "text/html" not in request.headers.get("accept", ""):
            return response
        problem = json.loads(bytes(response.body))
        kept = {name: value for name, value in response.headers.items() if name in ("retry-after", "allow")}
        return renderer.page(
            "error.html",
            await _reader(request),
            status_code=response.status_code,
            headers=kept,
            is_late=False,
            problem=problem,
            advice=_ADVICE.get(response.status_code, ""),
        )

    return answer


async def _reader(request: Request) -> Any:  # noqa: ANN401
    try:
        return await user_of(request)
    except NotSignedIn:
        return None
