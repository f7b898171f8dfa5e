"""Sends changes to all open pages that are connected to this process."""

from collections import deque

from common.domain.errors import DependencyUnavailable
from common.domain.ids import UserId
from storefront.live.changes import Change
from storefront.live.connection import Connection
from storefront.live.limits import Limits


class Hub:
    def __init__(self, limits: Limits) -> None:
        self.position = 0
        """The copies contain all events up to this position of the event stream, and their changes have been sent.

        It is 0 while the copies may lag behind (see `begin`).
        """
        self.limits = limits
        self._newest = 0
        self._is_catching_up = True
        self._connections: set[Connection] = set()
        self._remembered: deque[tuple[int, Change]] = deque()
        self._remembers_since = 0
        self._is_closed = False

    @property
    def connections(self) -> int:
        return len(self._connections)

    def connect(self, reader: UserId | None, since: int | None) -> Connection:
        """Open a connection. It begins with the changes after the position `since`, or with a reset.

        Raises DependencyUnavailable if this process has too many connections, or is about to stop.
        """
        if self._is_closed or len(self._connections) >= self.limits.connections:
            raise DependencyUnavailable("Too many pages are open. This page shows changes after a reload.")
        connection = Connection(reader, self.limits, lambda: self.position)
        # A position after the newest one comes from an instance that is ahead, or from a stream that was replaced.
        if since is not None and self._remembers_since <= since <= self._newest:
            connection.add(change for position, change in self._remembered if position > since)
        elif since is not None:
            self._reset(connection)
        self._connections.add(connection)
        return connection

    def disconnect(self, connection: Connection) -> None:
        self._connections.discard(connection)

    def send(self, newest: int, settled: int, changes: list[Change]) -> None:
        """Send changes to everybody whom they are for. They were read after the event at the position `newest`.

        The copies contain all events up to `settled`. A later one may be missing.
        """
        self._newest = newest
        if not self._is_catching_up:
            self.position = max(self.position, settled)
        self._send(newest, changes)

    def send_without_event(self, changes: list[Change]) -> None:
        """Send changes that the clock has caused. A page may lack them although it was read at the newest position."""
        self._send(self._newest + 1, changes)

    def _send(self, position: int, changes: list[Change]) -> None:
        for change in changes:
            self._remember(position, change)
        if changes:
            for connection in self._connections:
                connection.add(changes)

    def begin(self, newest: int) -> None:
        """Forget all changes. The copies may lag behind the stream, whose newest event is at the position `newest`.

        Pages receive the changes after this position. All that may have missed a change before it load their content
        again in `end_catch_up`. Earlier, they would only get old content again.
        """
        self.position, self._newest, self._remembers_since = 0, newest, newest
        self._is_catching_up = True
        self._remembered.clear()
        for connection in self._connections:
            self._reset(connection)

    def end_catch_up(self, settled: int) -> None:
        """From now on, the copies contain all events up to `settled`."""
        self._is_catching_up = False
        self.position = settled
        for connection in self._connections:
            if connection.has_missed_changes:
                connection.reset()

    def close(self) -> None:
        """End all connections, because the process stops. The browsers then connect to another instance."""
        self._is_closed = True
        for connection in self._connections:
            connection.close()

    def _reset(self, connection: Connection) -> None:
        if self._is_catching_up:
            connection.has_missed_changes = True
        else:
            connection.reset()

    def _remember(self, position: int, change: Change) -> None:
        self._remembered.append((position, change))
        if len(self._remembered) > self.limits.remembered_changes:
            forgotten, _ = self._remembered.popleft()
            self._remembers_since = max(self._remembers_since, forgotten)
