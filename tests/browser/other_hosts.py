"""Refuses and records what a browser context requests from other hosts than the tested one."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Self
from urllib.parse import urlsplit

from playwright.async_api import ProxySettings, Request

_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_LOOK_SECONDS = 0.05
_SILENT_SECONDS = 1
_LONGEST_LINE = 10_000


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
        """Run the proxy. At the end, all requests that it has accepted are recorded."""
        hosts = cls(own_url)
        with _Proxy(hosts._note) as proxy:
            hosts._proxy_port = proxy.server_address[1]
            serving = threading.Thread(target=proxy.serve_forever, args=[_LOOK_SECONDS])
            serving.start()
            try:
                yield hosts
            finally:
                await asyncio.to_thread(proxy.shutdown)

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

    def _note(self, line: str) -> None:
        """Record the first line of a request, which a program sends to its proxy."""
        match line.split():
            case ["CONNECT", place, *_]:
                self._requested.setdefault(place, place)
            case [_, url, *_]:
                self._requested.setdefault(_place(url), url)


class _Proxy(ThreadingTCPServer):
    """Reads the first line of each request, and closes the connection.

    It has threads, because a server of asyncio before Python 3.12 leaves a connection open that arrives while the
    server is closed.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.note = note


class _Connection(StreamRequestHandler):
    timeout = _SILENT_SECONDS
    server: _Proxy

    def handle(self) -> None:
        try:
            line = self.rfile.readline(_LONGEST_LINE)
        except OSError:  # it was broken, or silent
            return
        self.server.note(line.decode("latin-1"))


def _place(url: str) -> str:
    """Return host and port."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or _DEFAULT_PORTS[parts.scheme]}"
