"""Sends changes to all open pages that are connected to this process.

Each connection has a map of the changes that it has not sent yet, with one entry for each ticket. So a browser that
reads slowly gets the newest state later, but never an outdated one, and it needs a bounded amount of memory.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable

from common.domain.errors import DependencyUnavailable
from common.domain.ids import UserId
from storefront.live.changes import Change

MAX_CONNECTIONS = 5_000
_MAX_WAITING = 500
"""If more tickets than this have changed before a browser has read, it loads its page again instead."""
_MAX_REMEMBERED = 2_000
_KEEP_ALIVE_SECONDS = 15.0
_LONGEST_CONNECTION_SECONDS = 900.0
"""After this time, the browser connects again. So the end of a session ends what its reader receives."""

_GREETING = b"retry: 1000\n\n"
_KEEP_ALIVE = b": keep-alive\n\n"


class Connection:
    """The open stream of one browser."""

    def __init__(self, reader: UserId | None) -> None:
        self.reader = reader
        self._settled = 0
        self._waiting: dict[str, Change] = {}
        self._must_reset = False
        self._is_closed = False
        self._wake = asyncio.Event()

    def add(self, settled: int, changes: Iterable[Change]) -> None:
        """Add changes that this browser has to read. `settled` is the position from which it can continue later."""
        self._settled = settled
        for change in changes:
            if change.reader is None or change.reader == self.reader:
                self._waiting[change.key] = change
        if len(self._waiting) > _MAX_WAITING:
            self.reset(settled)
        self._wake.set()

    def reset(self, settled: int) -> None:
        """Tell the browser to load its content again, because it may have missed changes."""
        self._settled = settled
        self._waiting.clear()
        self._must_reset = True
        self._wake.set()

    def close(self) -> None:
        self._is_closed = True
        self._wake.set()

    async def read(self) -> AsyncIterator[bytes]:
        """Yield the parts of the answer, until the connection is closed or has lasted for 15 minutes."""
        yield _GREETING
        ends_at = asyncio.get_running_loop().time() + _LONGEST_CONNECTION_SECONDS
        while not self._is_closed and asyncio.get_running_loop().time() < ends_at:
            try:
                async with asyncio.timeout(_KEEP_ALIVE_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                yield _KEEP_ALIVE
                continue
            self._wake.clear()
            if self._must_reset:
                self._must_reset = False
                yield f"id: {self._settled}\nevent: reset\ndata: {{}}\n\n".encode()
            if self._waiting:
                waiting, self._waiting = self._waiting, {}
                yield "".join(_encode(change, self._settled) for change in waiting.values()).encode()


class Hub:
    def __init__(self) -> None:
        self.position = 0
        """All changes up to this position of the event stream have been sent."""
        self._connections: set[Connection] = set()
        self._remembered: deque[tuple[int, Change]] = deque(maxlen=_MAX_REMEMBERED)
        self._remembers_since = 0
        self._is_closed = False

    @property
    def connections(self) -> int:
        return len(self._connections)

    def connect(self, reader: UserId | None, since: int | None) -> Connection:
        """Open a connection. It begins with the changes after the position `since`, or with a reset.

        Raises DependencyUnavailable if this process has too many connections, or is about to stop.
        """
        if self._is_closed or len(self._connections) >= MAX_CONNECTIONS:
            raise DependencyUnavailable("Too many pages are open. This page shows changes after a reload.")
        connection = Connection(reader)
        if since is not None and since < self._remembers_since:
            connection.reset(self.position)
        elif since is not None:
            connection.add(self.position, [change for position, change in self._remembered if position > since])
        self._connections.add(connection)
        return connection

    def disconnect(self, connection: Connection) -> None:
        self._connections.discard(connection)

    def send(self, position: int, settled: int, changes: list[Change]) -> None:
        """Send changes to everybody whom they are for. The events up to `position` have led to them.

        No change up to the position `settled` is missing. A later one may be missing, if its copy is not current yet.
        """
        self.position = max(self.position, settled)
        if not changes:
            return
        for change in changes:
            if len(self._remembered) == _MAX_REMEMBERED:
                self._remembers_since = self._remembered[0][0]
            self._remembered.append((position, change))
        for connection in self._connections:
            connection.add(self.position, changes)

    def start_at(self, position: int) -> None:
        """Forget everything before this position. All open pages load their content again."""
        self.position = self._remembers_since = position
        self._remembered.clear()
        for connection in self._connections:
            connection.reset(self.position)

    def close(self) -> None:
        """End all connections, because the process stops. The browsers then connect to another instance."""
        self._is_closed = True
        for connection in self._connections:
            connection.close()


def _encode(change: Change, settled: int) -> str:
    return f"id: {settled}\nevent: {change.event}\ndata: {change.data}\n\n"
