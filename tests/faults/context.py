"""The context of a scenario: a running platform, access to all databases and streams, and seeded random numbers."""

import asyncio
import json
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import httpx

from devkit.servers import Server, free_port
from devkit.servers.replica_set import ReplicaSet
from marketplace.operations.audit import audit
from marketplace.operations.operator import Operator, operator
from marketplace.platform import Platform
from marketplace.registry import SERVICE_NAMES
from marketplace.settings import PlatformSettings

T = TypeVar("T")

_IS_AN_ERROR = '"level": "error"'

Progress = Callable[[int, int], None]
"""Called with the number of finished steps and the number of all steps."""


@dataclass(frozen=True)
class OtherServers:
    """Servers that the platform uses instead of its own NATS or MongoDB, and their addresses."""

    servers: Sequence[Server] = ()
    nats_url: str | None = None
    replica_set: ReplicaSet | None = None


StartServers = Callable[[Path], AbstractAsyncContextManager[OtherServers]]
"""Starts servers that keep their data in the given folder, and stops them at the end."""


@dataclass
class ScenarioContext:
    platform: Platform
    operator: Operator
    random: random.Random
    short: bool
    """True if this is the short run (`make test-faults-short`): smaller numbers, the same checks."""
    progress: Progress
    servers: Sequence[Server] = ()
    """The servers that the scenario has started itself (`Scenario.start_servers`)."""
    replica_set: ReplicaSet | None = None
    """The MongoDB of the platform, if the scenario has started it itself."""
    people: list["Person"] = field(default_factory=list)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def size(self, full: T, short: T) -> T:
        return short if self.short else full

    async def person(self) -> "Person":
        """Create a new user, signed up and signed in."""
        client = httpx.AsyncClient(
            base_url=self.platform.url, timeout=30, limits=httpx.Limits(max_connections=250), trust_env=False
        )
        await self._stack.enter_async_context(client)
        person = Person(client)
        credentials = {"email": f"{secrets.token_hex(8)}@example.com", "password": "correct horse battery"}
        answer = await person.request_with_retries("POST", "/api/users/signup", json=credentials)
        if answer.status_code != httpx.codes.CREATED:
            raise RuntimeError(f"sign-up: {answer.status_code} {answer.text}")
        return person

    async def settle(self, within: float = 20.0) -> list[str]:
        """Wait until the audit of all services finds no difference; return what still differs after this time."""
        report = await audit(self.operator, settle_seconds=within)
        return [f"{found.rule}: {found.subject}: {found.detail}" for found in report.differences]

    def logged_errors(self, since: datetime) -> list[str]:
        """Return the errors that services have logged since this time, in order."""
        entries: list[dict[str, Any]] = []
        for log in (self.platform.settings.data_dir / "logs").glob("*.log"):
            lines = [line for line in log.read_text(errors="replace").splitlines() if _IS_AN_ERROR in line]
            for line in lines:
                with suppress(ValueError):  # an incomplete line of a process that crashed
                    entries.append(json.loads(line))
        recent = [entry for entry in entries if datetime.fromisoformat(entry["timestamp"]) >= since]
        return [_shown(entry) for entry in sorted(recent, key=itemgetter("timestamp"))]

    async def close(self) -> None:
        await self._stack.aclose()


def _shown(entry: dict[str, Any]) -> str:
    """Format a log entry; a traceback gets its own lines."""
    traceback = entry.pop("exception", "")
    return "  ".join(f"{name}={value}" for name, value in entry.items()) + f"\n{traceback}"


class Person:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def request_with_retries(
        self, method: str, path: str, *, seconds: float = 60.0, **request: Any
    ) -> httpx.Response:
        """Repeat the request while the platform is unavailable (no connection, 502, 503), for up to `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                answer = await self.http.request(method, path, **request)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code not in {502, 503}:
                return answer
            if time.monotonic() > deadline:
                raise TimeoutError(f"{method} {path}: no answer within {seconds} s")
            await asyncio.sleep(0.05)

    async def list_ticket(self, title: str = "Concert", price: float = 19.99) -> str:
        answer = await self.request_with_retries("POST", "/api/tickets", json={"title": title, "price": price})
        answer.raise_for_status()
        return str(answer.json()["id"])

    async def place_order(self, ticket_id: str, **more: Any) -> httpx.Response:
        return await self.request_with_retries("POST", "/api/orders", json={"ticketId": ticket_id, **more})

    async def pay(self, order_id: str, token: str = "pm_card_visa") -> httpx.Response:
        return await self.request_with_retries("POST", "/api/payments", json={"orderId": order_id, "token": token})


@dataclass(frozen=True)
class Setup:
    """What a platform under test depends on. Consecutive scenarios with equal setups share a platform."""

    instances: int
    order_window_seconds: int
    start_servers: StartServers | None
    seed: int
    short: bool


@asynccontextmanager
async def open_context(folder: Path, setup: Setup) -> AsyncIterator[ScenarioContext]:
    more = dict.fromkeys(SERVICE_NAMES, setup.instances) if setup.instances > 1 else {}
    async with AsyncExitStack() as stack:
        ours = setup.start_servers(folder / "servers") if setup.start_servers else nullcontext(OtherServers())
        other = await stack.enter_async_context(ours)
        settings = PlatformSettings(
            gateway_port=free_port(in_a_row=40),
            data_dir=folder,
            order_window_seconds=setup.order_window_seconds,
            mongo_url=other.replica_set.url if other.replica_set else None,
            nats_url=other.nats_url,
            log_format="json",
            log_level="warning",
        )
        platform = await stack.enter_async_context(Platform(settings, more))
        connection = await stack.enter_async_context(operator(settings))
        context = ScenarioContext(
            platform,
            connection,
            random.Random(setup.seed),
            setup.short,
            lambda _done, _all: None,
            other.servers,
            other.replica_set,
        )
        try:
            yield context
        finally:
            await context.close()


async def run_concurrently(
    work: Iterable[Awaitable[T]], at_most: int, on_done: Callable[[], None] = lambda: None
) -> list[T]:
    """Await all, at most this number at the same time; return the results in order."""
    gate = asyncio.Semaphore(at_most)

    async def one(each: Awaitable[T]) -> T:
        async with gate:
            result = await each
        on_done()
        return result

    return list(await asyncio.gather(*(one(each) for each in work)))
