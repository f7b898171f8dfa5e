"""The class `Server`: a child process that listens on a port. Its method `start` waits until the server answers."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from devkit.servers.ports import is_taken
from devkit.servers.process import ChildProcess

_POLL_SECONDS = 0.05
_ANSWER_SECONDS = 2.0


class ServerFailed(Exception):
    """A server could not start, ended during its start, or did not answer.

    The message ends with the last lines of the server's log.
    """

    def __init__(self, what: str, server: "Server") -> None:
        self.in_one_line = f"{server.name} {what}: {server.stop_reason()} (its log: {server.log_path})"
        super().__init__(f"{self.in_one_line}, which ends with:\n{server.last_lines(10)}")


@dataclass(frozen=True)
class Fault:
    """Why a running server does not work, and will not work before a restart."""

    reason: str
    restart_helps: bool
    """False while the cause still exists, for example while the disk is full."""


class Server(ChildProcess, ABC):
    """A server. A subclass defines how to start the server, and how to check that the server answers."""

    start_seconds: float = 30.0
    """If the server does not answer within this number of seconds, `start` kills it and raises ServerFailed."""

    def __init__(self, name: str, port: int, log_path: Path) -> None:
        super().__init__(name, log_path)
        self.port = port

    @abstractmethod
    def command(self) -> list[str]:
        """Write the files that the server needs, and return the command that starts the server.

        Raises BinaryMissing if the program of the server is not installed.
        """

    def environment(self) -> Mapping[str, str] | None:
        """Return the environment variables of the server.

        If the result is None, the server gets the environment variables of this process.
        """
        return None

    @abstractmethod
    async def answers(self) -> bool:
        """Return True if the server works now. If the server cannot be reached, return False or raise OSError."""

    async def fault(self) -> Fault | None:
        """Return the fault of the server, if it runs and has one. If it does not answer, return None."""
        return None

    async def try_connection(self) -> None:
        """Open a connection to the server and close it. Raises OSError if the server does not listen yet.

        `answers` calls this method before it sends a request, in order to save CPU time. While the server starts,
        `start` calls `answers` up to 20 times per second. A connection that fails needs much less CPU time than a
        request.
        """
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.close()

    def stop_reason(self) -> str:
        """Return the line of the server's log that probably says why the server stopped."""
        return self.last_lines(1) or "(nothing)"

    async def start(self) -> None:
        """Start the server, and return when the server answers.

        If the server ends, or if the start takes longer than `start_seconds`, kill the server and raise ServerFailed.
        """
        # Without this check, another program that listens on the port could answer instead of the server.
        if is_taken(self.port):
            raise ServerFailed(f"cannot start, port {self.port} is taken by another program", self)
        self.spawn(self.command(), self.environment())
        try:
            await self._until_it_answers()
        except BaseException:
            await self.kill()
            raise

    async def is_ready(self) -> bool:
        """Check the server once. Return True if the server answers within 2 s."""
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
