"""Runs all services inside the test's process, on a mongod and a NATS server that only this test uses."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import httpx
from common.tests.services import SERVICES, ServiceUnderTest

from common.domain.ids import new_id
from common.messaging.broker import Broker
from common.storage.mongo import MongoDriver
from devkit.servers.mongod import Mongod
from devkit.servers.nats_server import NatsServer
from devkit.servers.ports import free_port
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.keys import KeyPair
from devkit.testing.running import RunningService, Surroundings, somebody
from devkit.testing.tokens import TokenSigner
from marketplace.provisioning import provision_everything

DRIVERS: tuple[MongoDriver, ...] = get_args(MongoDriver)


@dataclass(frozen=True, eq=False)
class RunningInstance:
    """One instance of a service, and a client of it that is signed in."""

    service: ServiceUnderTest
    driver: MongoDriver
    running: RunningService
    client: httpx.AsyncClient

    def __str__(self) -> str:
        return f"{self.service.spec.name} on {self.driver}"

    async def live(self) -> httpx.Response:
        return await self.client.get("/healthz/live")

    async def ready(self) -> httpx.Response:
        return await self.client.get("/healthz/ready")

    async def read(self) -> httpx.Response:
        """Send a request that the service answers from its database."""
        read = self.service.requests.read
        return await self.client.request(read.method, read.path, json=read.json)

    async def create(self) -> httpx.Response:
        """Send a request that creates something."""
        body = dict(self.service.requests.body)
        if "email" in body:
            body["email"] = f"{new_id()}@example.com"
        return await self.client.post(self.service.requests.creates_at, json=body)


Request = Callable[[RunningInstance], Awaitable[httpx.Response]]


@dataclass(frozen=True)
class Instances:
    """Instances of services. Each service has one with each driver, and both use the same database."""

    members: Sequence[RunningInstance]

    def of(self, *names: str) -> "Instances":
        return Instances([each for each in self.members if each.service.spec.name in names])

    @property
    def creating(self) -> "Instances":
        return Instances([each for each in self.members if each.service.requests.creates_at])

    async def send(self, request: Request, *, within: float = 10.0) -> dict[RunningInstance, httpx.Response]:
        """Send the request to all instances at once. Raises TimeoutError if one answers later."""
        async with asyncio.timeout(within):
            answers = await asyncio.gather(*map(request, self.members))
        return dict(zip(self.members, answers, strict=True))

    async def eventually_ready(self, *, within: float) -> None:
        async def not_ready() -> dict[str, str]:
            answers = await self.send(RunningInstance.ready)
            return {str(each): answer.text for each, answer in answers.items() if answer.json()["status"] != "ready"}

        await eventually(not_ready, until=lambda seen: not seen, within=within, what="all instances ready")

    async def eventually_degraded(self, *, saying: str) -> None:
        async def saying_something_else() -> dict[str, str]:
            answers = await self.send(RunningInstance.ready)
            return {str(each): answer.text for each, answer in answers.items() if saying not in answer.text}

        await eventually(saying_something_else, until=lambda seen: not seen, what=f"all instances degraded: {saying}")

    async def eventually_without_broker(self) -> None:
        async def connected() -> list[str]:
            return [str(each) for each in self.members if each.running.runtime.broker.is_connected]

        await eventually(connected, until=lambda seen: not seen, what="all instances without NATS")


@dataclass(frozen=True)
class Platform:
    mongod: Mongod
    nats: NatsServer
    keys: KeyPair
    run_id: str

    @classmethod
    @asynccontextmanager
    async def start(cls, folder: Path, keys: KeyPair) -> AsyncIterator["Platform"]:
        async with Mongod(folder / "mongod", free_port()) as mongod, NatsServer(folder / "nats", free_port()) as nats:
            await provision_everything(nats.url)
            yield cls(mongod, nats, keys, new_id())

    @asynccontextmanager
    async def run_services(self) -> AsyncIterator[Instances]:
        """Start two instances of each service. It does not wait until they are ready."""
        async with AsyncExitStack() as stack:
            instances = []
            for service in SERVICES:
                for driver in DRIVERS:
                    running = await stack.enter_async_context(self._run(service, driver))
                    instances.append(RunningInstance(service, driver, running, running.client(somebody())))
            try:
                yield Instances(instances)
            finally:
                await self._repair()

    @asynccontextmanager
    async def streams(self) -> AsyncIterator[EventStreams]:
        broker = Broker(self.nats.url, "test")
        await broker.connect()
        yield EventStreams(broker)
        await broker.close()

    async def _repair(self) -> None:
        """Make both servers answer again, because services stop faster then."""
        for server in (self.mongod, self.nats):
            server.resume()
            if not server.is_running:
                await server.start()

    @asynccontextmanager
    async def _run(self, service: ServiceUnderTest, driver: MongoDriver) -> AsyncIterator[RunningService]:
        broker = Broker(self.nats.url, "unused")
        here = Surroundings(self.mongod.url, self.nats.url, driver, self.keys, broker, self.run_id)
        app = service.spec.create_app(here.settings(service.spec.settings, service.spec.name))
        running = RunningService(app, app.state.dependencies.instance, TokenSigner(self.keys.private))
        async with app.router.lifespan_context(app):
            yield running
            await running.close_clients()
