"""Runs the real application of a service inside the process of the test. The application uses real servers."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI

from common.domain.errors import DependencyUnavailable
from common.domain.ids import UserId, new_id
from common.domain.tokens import SignedInUser
from common.messaging.broker import Broker
from common.messaging.consumer import Consumer
from common.messaging.provisioning import provision_consumers
from common.messaging.retry import RetryPolicy
from common.runtime.service_runtime import ServiceRuntime
from common.runtime.settings import ServiceSettings
from common.storage.collection import Collection
from common.storage.mongo import MongoDriver
from devkit.testing.eventually import eventually
from devkit.testing.keys import KeyPair
from devkit.testing.tokens import TokenSigner

S = TypeVar("S", bound=ServiceSettings)

QUICK = RetryPolicy(delays=(0.05, 0.05), ack_wait=1.0, max_unanswered=5)
"""A retry policy with short delays. A retry policy says after which delays a failed event is delivered again.

With the normal policy, a test would wait more than a minute until an event becomes a dead letter. This is an event that
is not delivered again, because its handler has failed too often.
"""


@dataclass
class RunningService:
    app: FastAPI
    runtime: ServiceRuntime
    signer: TokenSigner
    _clients: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def use_cases(self) -> Any:  # noqa: ANN401 - each service has a different class
        return self.app.state.dependencies.use_cases

    def collection(self, name: str) -> Collection:
        return self.runtime.mongo.database[name]

    def client(self, user: UserId | None = None) -> httpx.AsyncClient:
        """Return a client that is signed in as this user. If `user` is None, the client is not signed in."""
        headers = {}
        if user is not None:
            headers["Authorization"] = f"Bearer {self.signer.sign(SignedInUser(user, f'{user}@example.com'))}"
        # With raise_app_exceptions=False, the test gets the HTTP answer that a client would get, and not the exception
        # of the application.
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers)
        self._clients.append(client)
        return client

    async def close_clients(self) -> None:
        for client in self._clients:
            await client.aclose()


@dataclass(frozen=True)
class Surroundings:
    """The servers, keys and settings that the tested services use."""

    mongo_url: str
    nats_url: str
    driver: MongoDriver
    keys: KeyPair
    broker: Broker
    run_id: str
    policy: RetryPolicy = QUICK

    def settings(self, settings_type: type[S], name: str, **more: object) -> S:
        values: dict[str, Any] = {
            "port": 1,
            "mongo_url": self.mongo_url,
            "mongo_database": f"{name}-{self.run_id}",
            "mongo_driver": self.driver,
            "nats_url": self.nats_url,
            "token_public_key": self.keys.public,
            "token_private_key": self.keys.private,
        }
        known = {key: value for key, value in values.items() if key in settings_type.model_fields}
        return settings_type(**(known | more))

    @asynccontextmanager
    async def running(
        self, create_app: Callable[[], FastAPI], consumers: Sequence[Consumer[Any]] = (), *, wait: bool = True
    ) -> AsyncIterator[RunningService]:
        await provision_consumers(self.broker.jetstream, consumers, self.policy)
        app = create_app()
        running = RunningService(app, app.state.dependencies.instance, TokenSigner(self.keys.private))
        async with app.router.lifespan_context(app):
            if wait:
                await eventually(lambda: missing(running.runtime), until=lambda seen: seen == "", what="readiness")
            yield running
            await running.close_clients()


async def missing(runtime: ServiceRuntime) -> str:
    """Return what the service lacks or still waits for. If it is ready and lacks nothing, return an empty text."""
    try:
        return " ".join(await runtime.check_ready())
    except DependencyUnavailable as error:
        return error.detail


def somebody() -> UserId:
    """Return the id of a new user."""
    return UserId(new_id())
