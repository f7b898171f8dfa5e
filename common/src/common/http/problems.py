"""Makes the answer for every error. The body of the answer is a problem document as defined in RFC 9457."""

from collections.abc import Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match, Mount

from common.domain.errors import DependencyUnavailable, DomainError, NotFound
from common.http.errors import (
    AnyError,
    BodyTooLarge,
    HttpError,
    InternalError,
    MalformedRequest,
    MethodNotAllowed,
    field_of,
    status_of,
)
from common.http.validation_messages import validation_message
from common.storage.availability import as_unavailable

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
_MOST_ERRORS = 20
_LONGEST_FIELD = 100
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_SCHEMAS = "#/components/schemas/{model}"
RETRY_AFTER_SECONDS = 1


class ProblemLine(BaseModel):
    message: str
    field: str | None = Field(default=None, description="The field that the message is about, if there is one.")


class Problem(BaseModel):
    """The body of every error response, as defined in RFC 9457.

    We add the field `errors` to the standard. If several fields of a request are wrong, `errors` has one item for each
    of them, but at most 20 items. For all other errors, it has exactly one item.
    """

    type: str = Field(examples=["urn:ticket-marketplace:problem:bad-input"])
    title: str
    status: int
    detail: str
    errors: list[ProblemLine]


def problem_body(error: AnyError, lines: Sequence[ProblemLine] = ()) -> dict[str, Any]:
    lines = lines or [ProblemLine(message=error.detail, field=field_of(error))]
    return {
        "type": f"urn:ticket-marketplace:problem:{error.code}",
        "title": error.title,
        "status": status_of(error),
        "detail": error.detail,
        "errors": [line.model_dump(exclude_none=True) for line in lines],
    }


def problem_response(error: AnyError, lines: Sequence[ProblemLine] = ()) -> JSONResponse:
    headers = {}
    if isinstance(error, DependencyUnavailable):
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return JSONResponse(problem_body(error, lines), status_of(error), headers, MEDIA_TYPE)


def problems(*errors: type[DomainError] | type[HttpError]) -> dict[int | str, dict[str, Any]]:
    """Return the value of FastAPI's argument `responses` for a route that can answer with the given errors.

    With this value, the documentation of the route shows an example for each error.
    """
    by_status: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        # We do not describe the body with FastAPI's key "model". With "model", FastAPI would document that the body has
        # the media type application/json. But our errors have the media type application/problem+json.
        content = {"schema": {"$ref": _SCHEMAS.format(model=Problem.__name__)}, "examples": {}}
        response = by_status.setdefault(
            status_of(error), {"description": error.title, "content": {MEDIA_TYPE: content}}
        )
        detail = " ".join((error.__doc__ or error.title).split())
        response["content"][MEDIA_TYPE]["examples"][error.code] = {"value": problem_body(error(detail))}
    return by_status


def install_problem_handlers(app: FastAPI) -> None:
    app.add_exception_handler(DomainError, _on_problem)
    app.add_exception_handler(HttpError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(PyMongoError, _on_database_error)
    # We add no handler for the class Exception. FastAPI would call this handler after the trace has ended, so its log
    # line would have no trace id. Instead, common.http.middleware catches all other errors.
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        _, problem_schemas = models_json_schema([(Problem, "serialization")], ref_template=_SCHEMAS)
        document.setdefault("components", {}).setdefault("schemas", {}).update(problem_schemas["$defs"])
        return document

    app.openapi = openapi  # type: ignore[method-assign] # the documentation of FastAPI recommends this assignment


async def _on_problem(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AnyError)  # noqa: S101 - always true, but the type checker cannot know it
    return problem_response(error)


async def _on_invalid_request(_request: Request, error: Exception) -> JSONResponse:
    """Answer a request that FastAPI has found to be invalid.

    The answer contains only our messages. FastAPI's own answer would also contain the input, which may be a password.
    """
    assert isinstance(error, RequestValidationError)  # noqa: S101
    lines = [_line(found) for found in error.errors()[:_MOST_ERRORS]]
    return problem_response(MalformedRequest("The request is not valid: see errors."), lines)


def _line(found: dict[str, Any]) -> ProblemLine:
    where = [str(part) for part in found["loc"]]
    if found["type"] == "json_invalid":
        return ProblemLine(message=f"The body is not valid JSON: {found['ctx']['error']}")
    if where == ["body"]:
        return ProblemLine(message="The body must be a JSON object.")
    return ProblemLine(message=validation_message(found), field=".".join(where[1:])[:_LONGEST_FIELD] or None)


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    known: dict[int, AnyError] = {
        400: MalformedRequest("The body could not be read as JSON."),
        404: NotFound(f"There is nothing at {request.url.path[:200]}."),
        405: MethodNotAllowed(f"{request.method[:20]} is not possible at {request.url.path[:200]}."),
        413: BodyTooLarge(error.detail),
    }
    response = problem_response(known.get(error.status_code, InternalError("Please try again later.")))
    response.headers.update(error.headers or {})
    if error.status_code == MethodNotAllowed.status and (methods := _methods_at(request)):
        response.headers["Allow"] = ", ".join(methods)
    return response


def _methods_at(request: Request) -> list[str]:
    """Return the methods of all routes with the path of the request.

    The header Allow of the answer must contain all these methods. But Starlette sets this header to the methods of only
    one route. A path with GET also has HEAD (see HeadAsGet in common.http.middleware).
    """
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]
    return [
        method
        for method in _METHODS
        if any(route.matches({**request.scope, "method": _route_of(method)})[0] is Match.FULL for route in routes)
    ]


def _route_of(method: str) -> str:
    return "GET" if method == "HEAD" else method


async def _on_database_error(request: Request, error: Exception) -> JSONResponse:
    if unavailable := as_unavailable(error):
        log.warning("database unavailable", path=request.url.path, reason=type(error).__name__)
        return problem_response(unavailable)
    return defect_response(request, error)


def defect_response(request: Request, error: Exception) -> JSONResponse:
    log.error("request failed", method=request.method, path=request.url.path, exc_info=error)
    return problem_response(InternalError("The failure has been logged. Please try again later."))
