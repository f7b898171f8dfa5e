"""A child process that others talk to: started once it answers."""

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
    """It died while starting, or never answered; the message ends with the last lines of its log."""

    def __init__(self, what: str, server: "Server") -> None:
        self.in_one_line = f"{server.name} {what}: {server.last_words()} (its log: {server.log_path})"
        super().__init__(f"{self.in_one_line}, which ends with:\n{server.last_lines(10)}")


class Server(ChildProcess, ABC):
    start_seconds: float = 30.0
    """How long it may take until it answers."""

    def __init__(self, name: str, port: int, log_path: Path) -> None:
        super().__init__(name, log_path)
        self.port = port

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command line, after writing whatever files it needs. Raises BinaryMissing."""

    def environment(self) -> Mapping[str, str] | None:
        """Return the variables it runs with; None means those of this process."""
        return None

    @abstractmethod
    async def answers(self) -> bool:
        """Whether it does its work now; may raise OSError when it cannot be reached."""

    def last_words(self) -> str:
        """Return the line of its log that best tells why it stopped."""
        return self.last_lines(1) or "(nothing)"

    async def start(self) -> None:
        """Return once it answers; raise ServerFailed if it dies or takes too long. Leaves no process if it fails."""
        if is_taken(self.port):  # else the stranger there might answer in its place
            raise ServerFailed(f"cannot start, port {self.port} is taken by another program", self)
        self.spawn(self.command(), self.environment())
        try:
            await self._until_it_answers()
        except BaseException:
            await self.kill()
            raise

    async def is_ready(self) -> bool:
        """Ask it once; a server that is stopped, or silent for 2 s, is not ready."""
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
