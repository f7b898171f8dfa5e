"""A shop that listens on a port, and pages that are connected to it as a browser connects them."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn

from common.domain.ids import UserId
from common.http.server import DrainingServer
from devkit.servers.ports import free_port
from devkit.testing.eventually import eventually
from devkit.testing.running import RunningService
from storefront.live.hub import Hub


@dataclass(frozen=True)
class SentEvent:
    name: str
    data: dict[str, Any]


@dataclass
class LivePage:
    """Reads one event stream, and keeps what a page would learn."""

    headers: Mapping[str, str]
    events: list[SentEvent] = field(default_factory=list)
    position: int | None = None
    """The last `id` that was received. A browser sends it when it connects again."""
    text: str = ""
    has_ended: bool = False
    """True after the answer has ended as it should, and not because the connection broke."""

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event.data for event in self.events if event.name == name]

    def states_of(self, ticket_id: str) -> list[str]:
        return [data["state"] for data in self.named("ticket") if data["id"] == ticket_id]

    async def eventually_shows(self, ticket_id: str, state: str, *, within: float = 10.0) -> None:
        async def states() -> list[str]:
            return self.states_of(ticket_id)

        await eventually(states, until=lambda seen: seen[-1:] == [state], within=within, what=f"{ticket_id} {state}")

    async def eventually_reset(self, count: int = 1, *, within: float = 3.0) -> None:
        async def resets() -> int:
            return len(self.named("reset"))

        await eventually(resets, until=lambda seen: seen >= count, within=within, what="a reset")

    async def eventually_at(self, position: int, *, within: float = 3.0) -> None:
        async def seen() -> int:
            return self.position or 0

        await eventually(seen, until=lambda at: at >= position, within=within, what=f"position {position}")

    async def eventually_alive(self) -> None:
        """Wait for the line that a connection without changes sends from time to time."""

        async def text() -> str:
            return self.text

        await eventually(text, until=lambda seen: ": keep-alive" in seen, what="a line that keeps it alive")

    async def eventually_ended(self, *, within: float = 5.0) -> None:
        async def ended() -> bool:
            return self.has_ended

        await eventually(ended, within=within, what="the end of the connection")

    async def read(self, answer: httpx.Response) -> None:
        block: dict[str, str] = {}
        with suppress(httpx.TransportError):
            async for line in answer.aiter_lines():
                self.text += f"{line}\n"
                if line:
                    name, _, value = line.partition(": ")
                    block[name] = value
                    continue
                if "id" in block:
                    self.position = int(block["id"])
                if "data" in block:
                    self.events.append(SentEvent(block["event"], json.loads(block["data"])))
                block = {}
            self.has_ended = True


@dataclass(frozen=True)
class Shop:
    url: str
    running: RunningService | None = None

    @property
    def hub(self) -> Hub:
        assert self.running is not None
        hub: Hub = self.running.app.state.site.hub
        return hub

    async def eventually_caught_up(self) -> None:
        """Wait until the process knows that the copies contain the events from before its start."""

        async def is_behind() -> bool:
            return self.hub._is_catching_up

        await eventually(is_behind, until=lambda seen: not seen, what="the end of the catch-up")

    async def eventually_at(self, position: int) -> None:
        """Wait until all copies contain the events up to this position."""

        async def at() -> int:
            return self.hub.position

        await eventually(at, until=lambda seen: seen >= position, what=f"position {position}")

    @asynccontextmanager
    async def page(
        self, *, since: object = None, last_event_id: str | None = None, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[LivePage]:
        sent = dict(headers or {}) | ({"Last-Event-ID": last_event_id} if last_event_id is not None else {})
        query = {} if since is None else {"since": str(since)}
        async with (
            httpx.AsyncClient(base_url=self.url, timeout=30, trust_env=False) as client,
            client.stream("GET", "/live/events", params=query, headers=sent) as answer,
        ):
            assert answer.status_code == 200, await answer.aread()
            page = LivePage(answer.headers)
            reading = asyncio.create_task(page.read(answer))
            try:
                yield page
            finally:
                reading.cancel()
                await asyncio.wait({reading})

    def signed_in(self, user: UserId) -> dict[str, str]:
        assert self.running is not None
        return {"Authorization": self.running.client(user).headers["Authorization"]}


@asynccontextmanager
async def serving(running: RunningService) -> AsyncIterator[Shop]:
    """Serve the application on a port: httpx would read an answer without an end before it returns it."""
    config = uvicorn.Config(running.app, port=free_port(), log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = DrainingServer(config)
    server.begin_drain = running.runtime.begin_drain
    serving = asyncio.create_task(server._serve())

    async def started() -> bool:
        return server.started

    await eventually(started, what="a server")
    yield Shop(f"http://127.0.0.1:{config.port}", running)
    server.should_exit = True
    await serving
