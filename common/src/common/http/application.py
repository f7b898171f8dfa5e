"""The FastAPI application of a service: its routers, its docs, its health, its errors."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from common.domain.errors import BadInput, DependencyUnavailable
from common.http.errors import BodyTooLarge, MalformedRequest, NotJson
from common.http.middleware import RequestBounds
from common.http.problems import install_problem_handlers, problems
from common.runtime.service_runtime import Service


def create_http_app(
    service: Service,
    *,
    title: str,
    description: str,
    routers: Sequence[APIRouter] = (),
    state: dict[str, Any] | None = None,
) -> FastAPI:
    """`state`: what the routes reach through `request.app.state`, such as the use cases."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    docs = f"/api/docs/{service.name}"
    app = FastAPIOffline(
        title=title,
        description=description,
        lifespan=lifespan,
        docs_url=docs,
        redoc_url=None,
        openapi_url=f"{docs}/openapi.json",
        static_url=f"{docs}/assets",
        swagger_ui_oauth2_redirect_url=f"{docs}/oauth2-redirect",
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
        },  # ours is in common.events.tracing; it costs each request
        swagger_ui_parameters={"validatorUrl": None},  # else a badge may ask validator.swagger.io about the document
        dependencies=[Depends(_refuse_unknown_query)],
        responses=problems(BadInput, BodyTooLarge, NotJson, DependencyUnavailable),
    )
    app.state.service = service
    for name, value in (state or {}).items():
        setattr(app.state, name, value)
    install_problem_handlers(app)
    app.add_middleware(RequestBounds)
    app.include_router(_health)
    for router in routers:
        app.include_router(router)
    return app


_health = APIRouter(include_in_schema=False)


@_health.get("/healthz/live")
async def live(request: Request) -> dict[str, str]:
    """200 as long as a restart would not help."""
    service: Service = request.app.state.service
    service.check_alive()
    return {"status": "alive"}


@_health.get("/healthz/ready")
async def ready(request: Request) -> dict[str, str]:
    """200 when its MongoDB and its NATS answer and its consumers are at work; otherwise 503, saying what is missing."""
    service: Service = request.app.state.service
    await service.check_ready()
    return {"status": "ready"}


@_health.get("/metrics")
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _check_can_change(request: Request) -> None:
    service: Service = request.app.state.service
    await service.check_can_change()


CHANGES = Depends(_check_can_change)
"""For a route that changes something others must hear of: 503 while the service cannot make it known (ADR 12)."""


async def _refuse_unknown_query(
    request: Request,
) -> None:  # async, though it waits for nothing: see common.http.authentication
    """A misspelt parameter would otherwise be silently ignored."""
    route = request.scope.get("route")
    if request.query_params and isinstance(route, APIRoute):
        known = {parameter.alias for parameter in route.dependant.query_params}
        for name in request.query_params:
            if name not in known:
                allowed = ", ".join(sorted(known)) or "none"
                raise MalformedRequest(
                    f"{name[:100]!r} is not a query parameter here; known: {allowed}.", field=name[:100]
                )
