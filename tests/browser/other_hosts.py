"""Refuses and records what a browser context requests from other hosts than the tested one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import urlsplit

from playwright.async_api import ProxySettings, Request

_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class OtherHosts:
    """The proxy of a browser context for all hosts except for the tested one. It closes each connection.

    Playwright's routes would miss redirects, service workers and what a page sends while it is closed. They would also
    turn off the browser's cache. The proxy does not notice `<link rel=preconnect>`, which requests nothing.
    """

    def __init__(self, own_url: str) -> None:
        self._own = _place(own_url)
        self._allowed: set[str] = set()
        self._requested: dict[str, str] = {}
        self._proxy_port = 0

    @classmethod
    @asynccontextmanager
    async def refused(cls, own_url: str) -> AsyncIterator[Self]:
        hosts = cls(own_url)
        async with await asyncio.start_server(hosts._refuse, "127.0.0.1", 0) as server:
            hosts._proxy_port = server.sockets[0].getsockname()[1]
            yield hosts

    @property
    def proxy(self) -> ProxySettings:
        return {"server": f"http://127.0.0.1:{self._proxy_port}", "bypass": self._own}

    @property
    def urls(self) -> list[str]:
        """One URL for each other host. If only the proxy has noticed it, the URL may lack its path."""
        return list(self._requested.values())

    def allow(self, url: str) -> None:
        """Do not record requests for this URL. The test answers them itself, so none reaches the proxy."""
        self._allowed.add(url)

    def notice(self, request: Request) -> None:
        """Record the whole URL: of https and WebSocket, the proxy gets only host and port."""
        if urlsplit(request.url).scheme not in _DEFAULT_PORTS or request.url in self._allowed:
            return
        if _place(request.url) != self._own:
            self._requested[_place(request.url)] = request.url

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            match (await reader.readline()).decode("latin-1").split():
                case ["CONNECT", place, *_]:
                    self._requested.setdefault(place, place)
                case [_, url, *_]:
                    self._requested.setdefault(_place(url), url)
        except ConnectionError:
            return
        finally:
            writer.close()


def _place(url: str) -> str:
    """Return host and port."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or _DEFAULT_PORTS[parts.scheme]}"
