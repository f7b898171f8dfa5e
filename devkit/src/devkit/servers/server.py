"""A child process that listens on a port. `start` returns when it answers."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from devkit.servers.ports import is_taken
from devkit.servers.process import ChildProcess

_POLL_SECONDS = 0.05
_ANSWER_SECONDS = 2.0


class ServerFailed(Exception):
    """A server ended while it started, or did not answer; the message ends with the last lines of its log."""

    def __init__(self, what: str, server: "Server") -> None:
        self.in_one_line = f"{server.name} {what}: {server.stop_reason()} (its log: {server.log_path})"
        super().__init__(f"{self.in_one_line}, which ends with:\n{server.last_lines(10)}")


class Server(ChildProcess, ABC):
    """A server. Subclasses say how to start it, and how to check that it answers."""

    start_seconds: float = 30.0
    """How long the start may take."""

    def __init__(self, name: str, port: int, log_path: Path) -> None:
        super().__init__(name, log_path)
        self.port = port

    @abstractmethod
    def command(self) -> list[str]:
        """Write the files that the server needs, and return its command line. Raises BinaryMissing."""

    def environment(self) -> Mapping[str, str] | None:
        """Return its environment variables; None for those of this process."""
        return None

    @abstractmethod
    async def answers(self) -> bool:
        """Whether the server works now. May raise OSError if it is not reachable."""

    async def try_connection(self) -> None:
        """Open and close a connection. Raises OSError if the server does not listen yet.

        `answers` calls this first: it costs a tenth of the CPU time of a request, and `start` asks 20 times per second
        while the server uses the CPU itself.
        """
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.close()

    def stop_reason(self) -> str:
        """Return the line of its log that probably says why it stopped."""
        return self.last_lines(1) or "(nothing)"

    async def start(self) -> None:
        """Start the server; return when it answers. If it ends or takes too long, kill it and raise ServerFailed."""
        if is_taken(self.port):  # otherwise that program could answer instead of the server
            raise ServerFailed(f"cannot start, port {self.port} is taken by another program", self)
        self.spawn(self.command(), self.environment())
        try:
            await self._until_it_answers()
        except BaseException:
            await self.kill()
            raise

    async def is_ready(self) -> bool:
        """Check once whether the server answers within 2 s."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return self.is_running and await self.answers()
        except (OSError, TimeoutError):
            return False

    async def _until_it_answers(self) -> None:
        deadline = time.monotonic() + self.start_seconds
        while not await self.is_ready():
            if not self.is_running:
                raise ServerFailed(f"stopped while starting ({self.ending})", self)
            if time.monotonic() >= deadline:
                raise ServerFailed(f"is not ready after {self.start_seconds:.0f} s", self)
            await asyncio.sleep(_POLL_SECONDS)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
