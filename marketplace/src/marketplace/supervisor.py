"""Starts a server again when it dies, as Kubernetes does; process managers such as honcho would stop everything."""

import asyncio
import time
from collections.abc import Callable

from devkit.servers import BinaryMissing, Server, ServerFailed

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0
_CALM_SECONDS = 10.0
"""After running for so long, a server is trusted again: the next pause is the first one."""


class Supervisor:
    def __init__(self, server: Server, say: Callable[[str], None]) -> None:
        self.server = server
        self._say = say
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the server and keep it running. Raises ServerFailed or BinaryMissing if the first start fails."""
        await self.server.start()
        self._watch = asyncio.create_task(self._keep_running())

    async def restart(self, why: str, grace_seconds: float) -> None:
        """Stop the server and start it in the background. A later restart replaces one that is under way.

        If it fails to start, one line says why, and it stays stopped until the next restart.
        """
        await self.let_go()
        self._say(f"{self.server.name}: {why}. Restarting it.")
        self._watch = asyncio.create_task(self._restart(grace_seconds))

    async def let_go(self) -> None:
        """Leave the server as it is, and do not start it again."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None

    async def _restart(self, grace_seconds: float) -> None:
        began = time.monotonic()
        await self.server.stop(grace_seconds)
        if failure := await self._failure_of_a_start():
            self._say(f"{failure}. The next change starts it again.")
            return
        self._say(f"{self.server.name} is ready again after {time.monotonic() - began:.1f} s.")
        await self._keep_running()

    async def _keep_running(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            started = time.monotonic()
            await self.server.wait()
            why = f"{self.server.name} stopped ({self.server.ending})"
            if time.monotonic() - started > _CALM_SECONDS:
                pause = _FIRST_PAUSE
            while why:
                self._say(f"{why}. Starting it again in {pause:g} s.")
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                why = await self._failure_of_a_start()

    async def _failure_of_a_start(self) -> str:
        try:
            await self.server.start()
        except ServerFailed as failure:
            return failure.in_one_line
        except (BinaryMissing, OSError) as failure:
            return f"{self.server.name} cannot start: {failure}"
        return ""
