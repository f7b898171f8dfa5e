"""Defines the class Dependencies.

Each service has one object of this class. Its routes get from this object what they need, for example the use cases.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from fastapi import Depends, Request

from common.domain.tokens import TokenVerifier
from common.http.idempotent_requests import IdempotentRequests

S = TypeVar("S")


class Instance(Protocol):
    """Declares what the HTTP application needs of the class ServiceRuntime (common.runtime.service_runtime).

    An object of ServiceRuntime starts and stops the background work of this process and checks if the process is
    healthy. We cannot import the class here, because the package common.http must not import common.runtime.
    """

    name: str
    on_failure: Callable[[], None]

    def running(self) -> AbstractAsyncContextManager[None]: ...
    def begin_drain(self) -> None: ...
    def check_alive(self) -> None: ...
    async def check_ready(self) -> list[str]: ...
    async def check_can_publish(self) -> None: ...


@dataclass(frozen=True)
class Dependencies:
    instance: Instance
    use_cases: Any = None
    """The object with the use cases of the service. A route gets this object through the function `use_cases`."""
    token_verifier: TokenVerifier | None = None
    """Checks the session token of a request and returns the signed-in user.

    The value is None if no route of the service needs to know which user sent the request.
    """
    idempotent_requests: IdempotentRequests | None = None
    """Stores the answers to requests that have the header Idempotency-Key.

    Only routes of the class IdempotentRoute need this. The value is None if the service has no such route.
    """


def dependencies_of(request: Request) -> Dependencies:
    dependencies: Dependencies = request.app.state.dependencies
    return dependencies


# If a dependency is a plain function, FastAPI runs the function in a worker thread for each request, which takes time.
# If a dependency is an async function, FastAPI calls it directly. So all dependencies in this package are async
# functions, although most of them wait for nothing.


def use_cases(_service_type: type[S]) -> Callable[[Request], Awaitable[S]]:
    """Return a dependency with which a route gets the object with the use cases of its service.

    Example: `Orders = Annotated[OrderService, Depends(use_cases(OrderService))]`. A route with a parameter of the type
    `Orders` then receives the OrderService. The argument `_service_type` only tells the type checker this type.
    """

    async def get_use_cases(request: Request) -> S:
        found: S = dependencies_of(request).use_cases
        return found

    return get_use_cases


async def _check_can_publish(request: Request) -> None:
    await dependencies_of(request).instance.check_can_publish()


REQUIRES_BROKER = Depends(_check_can_publish)
"""A dependency for each route that changes data and publishes an event about this change.

If this process cannot publish events now, the route is not called and the answer is 503. Without this check, a user
could, for example, place an order, but could not pay for it. The payments service would not know the order, because it
learns of orders only from their events (see ADR 0012).
"""
