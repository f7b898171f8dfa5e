"""Creates the FastAPI application of a service.

The application has the service's own routes, its documentation page, its health checks and its error handlers.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.middleware import Middleware

from common.domain.errors import BadInput, DependencyUnavailable, UnreadableDocument
from common.http.dependencies import Dependencies, dependencies_of
from common.http.errors import BodyTooLarge, MalformedRequest, NotJson
from common.http.middleware import HeadAsGet, RequestBounds
from common.http.problems import install_problem_handlers, problems


def create_http_app(  # noqa: PLR0913 - all but the first are keyword arguments
    dependencies: Dependencies,
    *,
    title: str,
    description: str,
    routers: Sequence[APIRouter] = (),
    pages: Sequence[APIRouter] = (),
    middleware: Sequence[Middleware] = (),
) -> FastAPI:
    """Create the application.

    `routers` are the routes of the API. `pages` are routes for browsers. They are not in the documentation of the API,
    and they ignore unknown query parameters, because other sites may add some to a link. `middleware` may change each
    answer, also an answer to an error. The last one in the list is called first.

    When the application starts, it also starts `dependencies.instance`, which does the background work of the service
    (for example, it receives and publishes events). When the application stops, it also stops this background work.
    """
    instance = dependencies.instance

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with instance.running():
            yield

    docs = f"/api/docs/{instance.name}"
    app = FastAPIOffline(
        title=title,
        description=description,
        lifespan=lifespan,
        docs_url=docs,
        redoc_url=None,
        openapi_url=f"{docs}/openapi.json",
        static_url=f"{docs}/assets",
        swagger_ui_oauth2_redirect_url=f"{docs}/oauth2-redirect",
        # We switch off FastAPI's telemetry, because it would slow down each request. For traces, we use our own module
        # common.events.tracing.
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
        },
        # By default, the documentation page sends the URL of openapi.json to swagger.io, which then checks this file.
        # The value None switches this off.
        swagger_ui_parameters={"validatorUrl": None},
        responses=problems(BadInput, BodyTooLarge, NotJson, DependencyUnavailable, UnreadableDocument),
    )
    app.state.dependencies = dependencies
    install_problem_handlers(app)
    app.add_middleware(RequestBounds)
    for each in middleware:
        app.add_middleware(each.cls, *each.args, **each.kwargs)
    app.add_middleware(HeadAsGet)  # is called first, so that HEAD gets the headers of the complete answer to GET
    app.include_router(_health)
    for router in routers:
        app.include_router(router, dependencies=[Depends(_refuse_unknown_query)])
    for router in pages:
        app.include_router(router, include_in_schema=False)
    return app


class Readiness(BaseModel):
    status: Literal["ready", "degraded"]
    lacking: list[str]
    """What this process lacks now, as sentences for an operator."""


async def _refuse_unknown_query(request: Request) -> None:
    """Refuse a request with a query parameter that the route does not have.

    Without this check, FastAPI would ignore a misspelt parameter, and the client would not notice the mistake.
    """
    route = request.scope.get("route")
    if request.query_params and isinstance(route, APIRoute):
        known = {parameter.alias for parameter in route.dependant.query_params}
        for name in request.query_params:
            if name not in known:
                allowed = ", ".join(sorted(known)) or "none"
                raise MalformedRequest(
                    f"{name[:100]!r} is not a query parameter here. Known parameters: {allowed}.", field=name[:100]
                )


_health = APIRouter(include_in_schema=False, dependencies=[Depends(_refuse_unknown_query)])


@_health.get("/healthz/live")
async def live(request: Request) -> dict[str, str]:
    """Answer 503 if this process cannot work any more and must be restarted. Otherwise answer 200."""
    dependencies_of(request).instance.check_alive()
    return {"status": "alive"}


@_health.get("/healthz/ready")
async def ready(request: Request) -> Readiness:
    """Answer 200 if this process has finished its start and does not stop. Otherwise answer 503.

    The start has finished when the indexes of the service exist in MongoDB and the service receives events. If a
    dependency fails later, the status of the answer is still 200, but the body says "degraded" and what is missing.
    """
    lacking = await dependencies_of(request).instance.check_ready()
    return Readiness(status="degraded" if lacking else "ready", lacking=lacking)


@_health.get("/metrics")
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
