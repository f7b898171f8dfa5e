"""What the routes of an application need, in one typed object."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from fastapi import Depends, Request

from common.domain.tokens import TokenVerifier
from common.http.idempotent_requests import IdempotentRequests

S = TypeVar("S")


class Instance(Protocol):
    """This process as one instance of its service (common.runtime.service_runtime)."""

    name: str
    on_failure: Callable[[], None]

    def running(self) -> AbstractAsyncContextManager[None]: ...
    def check_alive(self) -> None: ...
    async def check_ready(self) -> None: ...
    async def check_can_publish(self) -> None: ...


@dataclass(frozen=True)
class Dependencies:
    instance: Instance
    use_cases: Any = None
    """The service's own class of use cases; a route asks for it with its type (see `use_cases`)."""
    token_verifier: TokenVerifier | None = None
    """None: the service has no routes that ask which user sent the request."""
    idempotent_requests: IdempotentRequests | None = None
    """None: the service has no IdempotentRoute."""


def dependencies_of(request: Request) -> Dependencies:
    dependencies: Dependencies = request.app.state.dependencies
    return dependencies


# FastAPI runs a dependency that is a plain function in a worker thread, for each request. It calls an async function
# directly. So the dependencies of this package are async, although most of them wait for nothing.


def use_cases(_service_type: type[S]) -> Callable[[Request], Awaitable[S]]:
    """A dependency: `Orders = Annotated[OrderService, Depends(use_cases(OrderService))]`."""

    async def get_use_cases(request: Request) -> S:
        found: S = dependencies_of(request).use_cases
        return found

    return get_use_cases


async def _check_can_publish(request: Request) -> None:
    await dependencies_of(request).instance.check_can_publish()


REQUIRES_BROKER = Depends(_check_can_publish)
"""For a route whose change publishes an event: 503 while this instance cannot publish events (ADR 12)."""
